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

  const [every, longest, quiet] = [100, 60000, 2500]; // milliseconds
  const moves = ['wheel', 'touchstart', 'keydown', 'mousedown'];
  const main = document.querySelector('[data-testid="stMain"]');
  let [since, last, left] = [0, null, false];
  const leave = () => { left = true; };
  for (const move of moves) window.addEventListener(move, leave, { capture: true, passive: true });
  const look = (place) => {
    const [top, scroll, height] = [place.getBoundingClientRect().top, main.scrollTop, main.scrollHeight];
    return { place, top, scroll, height };
  };
  // A wheel above an editor turns the page, but only the editor hears of it: all went along with the scroll bar.
  const turned = (now) => last && now.place === last.place && now.height === last.height
    && Math.abs(now.scroll - last.scroll) > 2 && Math.abs(now.top - last.top + now.scroll - last.scroll) < 2;
  const hold = (passed) => {
    const heading = document.getElementById(target);
    const place = heading?.closest('[class*="st-key-card-"]') ?? heading;
    const here = window.unravelArrived === visit && document.querySelector('.u-goto');
    if (left || !here || passed > longest || since > quiet || (place && turned(look(place)))) {
      for (const move of moves) window.removeEventListener(move, leave, { capture: true });
      return;
    }
    if (place) {
      const running = document.querySelector('[data-test-script-state="running"]');
      const still = last && place === last.place && place.getBoundingClientRect().top === last.top;
      since = still && !running ? since + every : 0;
      place.scrollIntoView({ block: 'start' });
      last = look(place);
    }
    setTimeout(hold, every, passed + every);
  };
  hold(0);
})();
