// An editor sends its text 0.2 s after the last key. Who types and clicks at once must not have old text checked: such
// a click waits until the text is on its way. Ctrl+Enter, which the editor would keep to itself, checks.
(() => {
  if (window.unravelEditors) return;
  window.unravelEditors = true;
  const [longest, every] = [1000, 20]; // milliseconds
  const changed = new WeakMap(); // the window of an editor: when it was last changed, while that has not been sent
  const cards = '[class*="st-key-card-"]';
  const button = (card, kind) => card?.querySelector(`[class*="st-key-${kind}-"] button`);
  const attach = (frame) => {
    const editor = frame.document.querySelector('.ace_editor')?.env?.editor;
    if (!editor || editor.unravel) return;
    editor.unravel = true;
    editor.on('change', () => changed.set(frame, Date.now()));
    frame.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const place = [...document.querySelectorAll('iframe')].find((each) => each.contentWindow === frame);
      button(place?.closest(cards), 'check')?.click();
    }, true);
  };
  window.addEventListener('message', ({ source, data }) => {
    if (!data?.isStreamlitMessage || !source?.document) return;
    attach(source);
    if (data.type === 'streamlit:setComponentValue') changed.delete(source);
  });
  const unsent = (card) => [...card.querySelectorAll('iframe')].some(
    (frame) => Date.now() - (changed.get(frame.contentWindow) ?? 0) < longest,
  );
  window.addEventListener('click', (event) => {
    const clicked = event.target.closest?.('[class*="st-key-check-"] button, [class*="st-key-save-"] button');
    const card = clicked?.closest(cards);
    if (!card || !unsent(card)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const kind = clicked.closest('[class*="st-key-check-"]') ? 'check' : 'save';
    const again = () => (unsent(card) ? setTimeout(again, every) : button(card, kind)?.click());
    setTimeout(again, every);
  }, true);
})();
