// Draws things when they come near the window, all that is left before printing, and again when the theme changes.

const waiting = new Map();
const redraws = new Set();

const observer = new IntersectionObserver(
  (entries) => entries.filter(({isIntersecting}) => isIntersecting).forEach(({target}) => drawNow(target)),
  {rootMargin: '600px 0px'},
);

function drawNow(host) {
  const draw = waiting.get(host);
  waiting.delete(host);
  observer.unobserve(host);
  if (draw && host.isConnected) draw();
}

export function whenNear(host, draw) {
  waiting.set(host, draw);
  observer.observe(host);
}

/** Drawing one thing may add others that wait, so this goes on until none is left. */
export function drawAll() {
  for (let round = 0; waiting.size > 0 && round < 5; round += 1) {
    [...waiting.keys()].forEach(drawNow);
  }
}

export const drawSoon = (host) => waiting.has(host) && drawNow(host);

/** For what is painted on a canvas and cannot follow the style by itself. */
export function onRepaint(host, paint) {
  redraws.add({host, paint});
}

export function repaintAll() {
  for (const entry of redraws) {
    if (entry.host.isConnected) entry.paint();
    else redraws.delete(entry);
  }
}
