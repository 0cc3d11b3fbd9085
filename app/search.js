// The key `/` puts the cursor into the search box, unless one is writing.
(() => {
  if (window.unravelSearch) return;
  window.unravelSearch = true;
  const box = () => document.querySelector('.st-key-search input');
  const writes = (place) => place?.closest?.('input, textarea, select, [contenteditable="true"]');
  window.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
    const open = document.querySelector('[data-testid="stExpandSidebarButton"]');
    if (open) (open.querySelector('button') ?? open).click();
    event.preventDefault();
    const focus = (left) => {
      box()?.focus();
      box()?.select();
      if (document.activeElement !== box() && left) setTimeout(focus, 50, left - 1);
    };
    focus(10);
  });
})();
// A link in the text to another page of the app opens here: Streamlit would open a window for each.
(() => {
  if (window.unravelLinks) return;
  window.unravelLinks = true;
  window.addEventListener('click', (event) => {
    const link = event.target.closest?.('.stMarkdown a[target="_blank"]');
    if (link && link.origin === location.origin) link.target = '_self';
  }, true);
})();
