// Marks, in the table of contents, the part of the page that is being read, and keeps the mark in view.
(() => {
  const main = document.querySelector('[data-testid="stMain"]');
  if (!main) return;
  const line = 140; // pixels from the top: a heading above it has been reached
  let asked = false;
  const mark = () => {
    asked = false;
    const links = [...document.querySelectorAll('.st-key-contents a[href^="#"]')];
    let here = null;
    for (const link of links) {
      const heading = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (heading && heading.getBoundingClientRect().top < line) here = link;
    }
    for (const link of links) {
      if (link === here && !link.hasAttribute('aria-current')) {
        link.setAttribute('aria-current', 'location');
        const sidebar = link.closest('[data-testid="stSidebarContent"]');
        if (sidebar && !sidebar.matches(':hover')) {
          const [box, row] = [sidebar.getBoundingClientRect(), link.getBoundingClientRect()];
          if (row.bottom > box.bottom - 40 || row.top < box.top + 40) {
            sidebar.scrollTop += row.top - box.top - box.height / 2;
          }
        }
      } else if (link !== here) {
        link.removeAttribute('aria-current');
      }
    }
  };
  const soon = () => {
    if (!asked) {
      asked = true;
      requestAnimationFrame(mark);
    }
  };
  if (window.unravelFollow) main.removeEventListener('scroll', window.unravelFollow);
  window.unravelFollow = soon;
  main.addEventListener('scroll', soon, { passive: true });
  soon();
})();
