// What paints the points of a map: the graphics card where there is one, else the page itself.

import { PlainPoints } from "./plain_points.js";
import { Points } from "./points.js";

// What the processor calls itself where it plays a graphics card.
const PLAYED = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** One for a canvas that nothing was painted on. */
export function painterOf(canvas) {
  return hasCard() ? new Points(canvas) : new PlainPoints(canvas);
}

/** Whether WebGL2 is there, and not played by the processor. Asked of another canvas: a canvas has one kind for good. */
function hasCard() {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const more = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !PLAYED.test(name);
}
