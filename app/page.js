// Code that is wider than the page scrolls: with this, by the keyboard too.
(() => {
  const reach = () => {
    for (const code of document.querySelectorAll('pre:not([tabindex])')) code.setAttribute('tabindex', '0');
  };
  if (!window.unravelReach) {
    window.unravelReach = new MutationObserver(reach);
    window.unravelReach.observe(document.body, { childList: true, subtree: true });
  }
  reach();
})();
