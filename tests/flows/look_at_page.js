// What is wrong with the page that is shown, as sentences; none where nothing is (WCAG 2.1: 1.3.1, 1.4.3, 1.4.10, 2.4.2,
// 2.5.5, 3.1.1).
(() => {
  const wrong = [];
  const say = (what, element) => wrong.push(element ? `${what}: ${element.outerHTML.slice(0, 160)}` : what);

  const root = document.documentElement;
  if (!root.lang) say("no language");
  if (!document.title.trim()) say("no title");
  if (document.querySelectorAll("h1").length !== 1) say(`${document.querySelectorAll("h1").length} headings of level 1`);
  if (!document.querySelector("main")) say("no main part");

  // Nothing needs scrolling sideways.
  const wide = root.clientWidth;
  if (root.scrollWidth > wide) {
    say(`${root.scrollWidth} px of content in ${wide}`);
    const over = [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > wide + 1);
    over.slice(0, 3).forEach((one) => say("runs over the edge", one));
  }

  const shown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  // The contrast of each text with what is behind it.
  const parts = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const over = (top, under) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map((i) => top[i] * alpha + under[i] * (1 - alpha));
  };
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.unshift(parts(getComputedStyle(one).backgroundColor));
    return layers.reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || seen.has(element) || !shown(element)) continue;
    if (["SCRIPT", "STYLE", "NOSCRIPT", "OPTION"].includes(element.tagName)) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const ground = behind(element);
    const [a, b] = [light(over(parts(style.color), ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)}`, element);
  }

  // What is pressed has room for a finger.
  for (const button of document.querySelectorAll("main > form button, main a.onwards, a[role=button]")) {
    const box = button.getBoundingClientRect();
    if (box.height < 44) say(`${box.height} px high`, button);
  }
  return wrong;
})();
