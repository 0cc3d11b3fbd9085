// Brings the exercise that a link names to the top of the window, and keeps it there while the page above it still
// grows (editors and figures arrive late), until the reader moves or nothing has moved for a while.
(() => {
  const asked = document.querySelector('.u-goto');
  if (!asked) return;
  // A name after `#` counts for the first page of a visit only: later ones are the business of the browser.
  const first = window.unravelArrived === undefined;
  const target = asked.dataset.target || (first ? decodeURIComponent(location.hash.slice(1)) : '');
  const visit = `${asked.dataset.visit} ${target}`;
  if (!target || window.unravelArrived === visit) {
    window.unravelArrived ??= '';
    return;
  }
  window.unravelArrived = visit;
  if (location.hash !== `#${target}`) history.replaceState(history.state, '', `#${target}`);

  const [every, longest, quiet] = [100, 20000, 2500]; // milliseconds
  const moves = ['wheel', 'touchstart', 'keydown', 'mousedown'];
  let [since, last, left] = [0, null, false];
  const leave = () => { left = true; };
  for (const move of moves) window.addEventListener(move, leave, { capture: true, passive: true, once: true });
  const hold = (passed) => {
    const heading = document.getElementById(target);
    const here = window.unravelArrived === visit && document.querySelector('.u-goto');
    if (left || !here || passed > longest || since > quiet) {
      for (const move of moves) window.removeEventListener(move, leave, { capture: true });
      return;
    }
    if (heading) {
      const place = heading.closest('[class*="st-key-card-"]') ?? heading;
      const before = place.getBoundingClientRect().top;
      since = before === last ? since + every : 0;
      place.scrollIntoView({ block: 'start' });
      last = place.getBoundingClientRect().top;
    }
    setTimeout(hold, every, passed + every);
  };
  hold(0);
})();
