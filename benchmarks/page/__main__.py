"""Pictures a second of the page's map: `python -m benchmarks.page --home simsong-data --points 20000 50000`.

The page, the service and the browser are the real ones; only the map's answer is drawn at random, in clusters, so that
any number of songs can be asked for. For each: time from the press on "Map" to the first picture (with what is sent,
read and put on the card), pictures a second while the map is moved and while it is zoomed, time of one picture of the
points alone, and of finding the name of what is pointed at. `moved_points` are those that are drawn while it moves:
fewer where the machine cannot keep up. `still_per_s` is the same while nothing is drawn, and `bare_per_s` while a
canvas of the map's size and nothing else on a page changes its colour: what the browser can do at all just then.
`script_ms` is what the page's own scripts take of a picture. Without `--card` there is none: the processor draws.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks.page.browser import ARGUMENTS, PLAYED_CARD, WITH_CARD, chromium, needed_chromium
from benchmarks.serving import served_home

CLUSTERS, GENRES, ARTISTS = 60, 40, 2_000
# Adds up what scripts take when the screen is about to be drawn.
_TIMED = """
  const asked = requestAnimationFrame;
  window.spent = 0;
  window.requestAnimationFrame = (act) => asked((now) => {
    const began = performance.now();
    act(now);
    window.spent += performance.now() - began;
  });
"""
# A page with nothing but a canvas that changes as a whole; resolves to pictures a second.
_BARE = """(seconds) => new Promise((kept) => {
  const canvas = document.body.appendChild(document.createElement('canvas'));
  [canvas.width, canvas.height] = [1006, 514];
  const pen = canvas.getContext('2d', {alpha: false, willReadFrequently: true});
  const began = performance.now();
  let pictures = 0;
  const step = (now) => {
    pen.fillStyle = `rgb(${pictures % 256} 0 0)`;
    pen.fillRect(0, 0, 1006, 514);
    pictures += 1;
    if (now - began < seconds * 1000) requestAnimationFrame(step);
    else kept(pictures / ((now - began) / 1000));
  };
  requestAnimationFrame(step);
})"""
# What is done to the map each time that the screen is drawn, until the time is over; resolves to pictures a second.
_MOVED = """([kind, seconds]) => new Promise((kept) => {
  const canvas = document.querySelector('canvas');
  const box = canvas.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const at = (t) => ({ clientX: x + 90 * Math.cos(t), clientY: y + 90 * Math.sin(t),
    pointerId: 1, pointerType: 'mouse', bubbles: true, isPrimary: true });
  canvas.setPointerCapture = () => {};
  if (kind === 'moved') canvas.dispatchEvent(new PointerEvent('pointerdown', at(0)));
  const began = performance.now();
  const spent = window.spent;
  let pictures = 0, worst = 0, before = began;
  const step = (now) => {
    worst = Math.max(worst, now - before);
    before = now;
    const t = pictures / 12;
    if (kind === 'moved') canvas.dispatchEvent(new PointerEvent('pointermove', at(t)));
    const turn = { ...at(0), deltaY: 30 * Math.cos(t), cancelable: true };
    if (kind === 'zoomed') canvas.dispatchEvent(new WheelEvent('wheel', turn));
    pictures += 1;
    if (now - began < seconds * 1000) { requestAnimationFrame(step); return; }
    if (kind === 'moved') canvas.dispatchEvent(new PointerEvent('pointerup', at(t)));
    kept([pictures / ((now - began) / 1000), worst, Number(canvas.dataset.shown), (window.spent - spent) / pictures]);
  };
  requestAnimationFrame(step);
})"""
_POINTED = """() => {
  const canvas = document.querySelector('canvas');
  const box = canvas.getBoundingClientRect();
  const times = [];
  for (let i = 0; i < 200; i += 1) {
    const [across, down] = [box.width * ((i * 37) % 100) / 100, box.height * ((i * 61) % 100) / 100];
    const place = { clientX: box.x + across, clientY: box.y + down, pointerId: 7, pointerType: 'mouse' };
    const began = performance.now();
    canvas.dispatchEvent(new PointerEvent('pointermove', place));
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return [times[100], times[197]];
}"""


def main() -> None:
    """Measure each number of points, a line of JSON each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="of any finished run")
    parser.add_argument("--points", type=int, nargs="+", default=[20_000, 50_000])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each movement")
    card = parser.add_mutually_exclusive_group()
    card.add_argument("--card", action="store_true", help="let the browser use a graphics card")
    card.add_argument("--played-card", action="store_true", help="the processor plays a card, for the whole page")
    arguments = parser.parse_args()
    drawing = WITH_CARD if arguments.card else PLAYED_CARD if arguments.played_card else ARGUMENTS
    with served_home(arguments.home) as (url, _), chromium(needed_chromium(), drawing) as browser:
        for points in arguments.points:
            print(json.dumps(measure(browser, url, points, arguments.seconds)), flush=True)


def measure(browser: Browser, url: str, points: int, seconds: float) -> dict[str, float | int | str]:
    """One number of points, in a window of its own."""
    answer = json.dumps(drawn_map(points, seed=0))
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.add_init_script(_TIMED)
    page.route("**/api/v1/map", lambda route: route.fulfill(body=answer, content_type="application/json"))
    page.goto(url)
    page.wait_for_selector("html[data-ready]")
    first = page.evaluate(_FIRST_PICTURE)
    rates = {kind: page.evaluate(_MOVED, [kind, seconds]) for kind in ("still", "moved", "zoomed")}
    median, late = page.evaluate(_POINTED)
    bare = browser.new_page(viewport={"width": 1280, "height": 860})
    said = {
        "points": points,
        "answer_mb": round(len(answer) / 1e6, 2),
        "first_picture_ms": round(first),
        **{f"{kind}_per_s": round(rate, 1) for kind, (rate, *_) in rates.items()},
        "bare_per_s": round(bare.evaluate(_BARE, seconds), 1),
        "moved_longest_ms": round(rates["moved"][1]),
        "zoomed_longest_ms": round(rates["zoomed"][1]),
        "moved_points": rates["moved"][2],
        "zoomed_points": rates["zoomed"][2],
        "moved_script_ms": round(rates["moved"][3], 1),
        "zoomed_script_ms": round(rates["zoomed"][3], 1),
        "drawn_p50_ms": round(page.evaluate(_DRAWN), 2),
        "pointed_p50_ms": round(median, 3),
        "pointed_p99_ms": round(late, 3),
        "renderer": _renderer(page),
        "load": round(os.getloadavg()[0], 1),
    }
    page.close()
    bare.close()
    return said


_FIRST_PICTURE = """() => new Promise((kept) => {
  const began = performance.now();
  const look = () => (document.querySelector('.map-around a') || document.querySelector('.map-names span')
    ? requestAnimationFrame(() => kept(performance.now() - began)) : requestAnimationFrame(look));
  location.hash = '#/map';
  look();
})"""


# Time of one picture of these points alone, read back so that it is surely drawn: the median of many.
_DRAWN = """async () => {
  const [{ painterOf }, { Camera }] = await Promise.all([import('/js/map/painter.js'), import('/js/map/camera.js')]);
  const found = await (await fetch('/api/v1/map')).json();
  const points = painterOf(document.createElement('canvas'));
  const places = new Uint16Array(found.count * 2);
  found.x.forEach((x, i) => { places[2 * i] = x; places[2 * i + 1] = found.y[i]; });
  points.setPlaces(places);
  points.setColours(new Uint8Array(found.count * 4).fill(200));
  const camera = new Camera([0, 0, 1, 1]);
  [camera.width, camera.height] = [1006, 514];
  camera.reset();
  const pixel = new Uint8Array(4);
  const times = [];
  for (let i = 0; i < 40; i += 1) {
    const began = performance.now();
    points.draw(camera, 1, 4);
    points.gl?.readPixels(0, 0, 1, 1, points.gl.RGBA, points.gl.UNSIGNED_BYTE, pixel);
    times.push(performance.now() - began);
  }
  points.close();
  return times.sort((a, b) => a - b)[20];
}"""


def _renderer(page: Page) -> str:
    asked = """() => {
      const gl = document.createElement('canvas').getContext('webgl2');
      const more = gl.getExtension('WEBGL_debug_renderer_info');
      return gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
    }"""
    return str(page.evaluate(asked))


def drawn_map(points: int, seed: int) -> dict[str, object]:
    """A map's answer: songs in clusters of other sizes, as styles are."""
    rng = np.random.default_rng(seed)
    clusters = rng.choice(CLUSTERS, points, p=rng.dirichlet(np.ones(CLUSTERS)))
    centres, widths = rng.uniform(0.1, 0.9, (CLUSTERS, 2)), rng.uniform(0.01, 0.06, CLUSTERS)
    places = centres[clusters] + rng.normal(size=(points, 2)) * widths[clusters, None]
    x, y = (np.clip(places, 0, 1) * 65_535).astype(int).T
    artists = rng.integers(0, ARTISTS, points)
    return {
        "snapshot": "drawn",
        "count": points,
        "ids": [f"T{i:07d}" for i in range(points)],
        "x": x.tolist(),
        "y": y.tolist(),
        "titles": [f"Song {i}" for i in range(points)],
        "artist": artists.tolist(),
        "artists": [f"Artist {i}" for i in range(ARTISTS)],
        "genre": (clusters % GENRES).tolist(),
        "genres": [f"genre {i}" for i in range(GENRES)],
        "year": rng.integers(1960, 2025, points).tolist(),
        "cluster": clusters.tolist(),
        "clusters": CLUSTERS,
    }


if __name__ == "__main__":
    main()
