"""What the page's map draws, of songs whose places are known: at rest, while it moves, and by either painter."""

import json
from collections.abc import Iterator

import pytest
from browsing import Opened, browsing, opened
from playwright.sync_api import Browser, Page
from serving import Served

pytestmark = pytest.mark.slow

SIDE = 110  # songs in a row of the lattice, more than a slow machine draws while the map moves
WHOLE = 65_535
# Where the songs of a map lie on its canvas, in pixels of the screen, as far as they are seen. The camera shows all:
# its bounds leave out half a hundredth at each end.
_PLACES = """(found) => {
  const canvas = document.querySelector('canvas');
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ends = (values) => {
    const sorted = [...values].sort((a, b) => a - b);
    return [0.005, 0.995].map((share) => sorted[Math.floor(share * (sorted.length - 1))]);
  };
  const [[left, right], [top, bottom]] = [ends(found.x), ends(found.y)];
  const scale = 0.88 * Math.min(width / (right - left), height / (bottom - top));
  return found.x.map((x, i) => [
    width / 2 + (x - (left + right) / 2) * scale, height / 2 + (found.y[i] - (top + bottom) / 2) * scale]);
}"""
# How many of these places of the canvas have another colour than the ground.
_COLOURED = """([places, ground]) => {
  const canvas = document.querySelector('canvas');
  const pen = canvas.getContext('2d');
  const {width, data} = pen.getImageData(0, 0, canvas.width, canvas.height);
  return places.filter(([x, y]) => {
    const at = 4 * (Math.round(y) * width + Math.round(x));
    return ground.some((one, i) => Math.abs(data[at + i] - one) > 20);
  }).length;
}"""
_GROUND = "getComputedStyle(document.querySelector('.map-box')).backgroundColor.match(/\\d+/g).map(Number)"
_IS_WHOLE = "most => document.querySelector('canvas').dataset.shown === String(most)"
# Turns the wheel until fewer points are drawn, at most 200 times; then points at the song that is drawn last. Resolves
# to the numbers of points that were drawn, and the name that is said.
_MOVED = """async ([i, place]) => {
  const canvas = document.querySelector('canvas');
  const box = canvas.getBoundingClientRect();
  const spot = { clientX: box.x + place[0], clientY: box.y + place[1] };
  const at = { ...spot, pointerId: 5, pointerType: 'mouse', bubbles: true };
  const drawn = [];
  for (let turn = 0; turn < 200; turn += 1) {
    canvas.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY: 0, cancelable: true }));
    await new Promise(requestAnimationFrame);
    drawn.push(Number(canvas.dataset.shown));
    if (drawn.at(-1) <= i) break;
  }
  canvas.dispatchEvent(new PointerEvent('pointermove', at));
  return [drawn, document.querySelector('.map-tip strong').textContent];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as started:
        yield started


@pytest.fixture
def at(browser: Browser, served_sample: Served) -> Iterator[Opened]:
    """The page's map of a lattice of songs, all of one genre."""
    answer = json.dumps(lattice())

    def routed(page: Page) -> None:
        page.route("**/api/v1/map", lambda route: route.fulfill(body=answer, content_type="application/json"))

    with opened(browser, served_sample.url, before=routed) as seen:
        seen.go("#/map")
        seen.page.wait_for_function(_IS_WHOLE, arg=SIDE**2)
        seen.page.locator(".map-around a").first.wait_for()
        yield seen


def lattice() -> dict[str, object]:
    """A map's answer: songs in rows, from top to bottom."""
    count = SIDE**2
    step = WHOLE // (SIDE - 1)
    return {
        "snapshot": "lattice",
        "count": count,
        "ids": [f"T{i}" for i in range(count)],
        "x": [step * (i % SIDE) for i in range(count)],
        "y": [step * (i // SIDE) for i in range(count)],
        "titles": [f"Song {i}" for i in range(count)],
        "artist": [0] * count,
        "artists": ["Nobody"],
        "genre": [0] * count,
        "genres": ["rock"],
        "year": [None] * count,
        "cluster": [0] * count,
        "clusters": 1,
    }


def test_each_song_is_drawn_at_rest_and_nothing_between_them(at: Opened) -> None:
    places = at.page.evaluate(_PLACES, lattice())
    ground = at.page.evaluate(_GROUND)
    half = (places[1][0] - places[0][0]) / 2
    between = [[x + half, y + half] for x, y in places]
    assert at.page.evaluate(_COLOURED, [places, ground]) == SIDE**2
    assert at.page.evaluate(_COLOURED, [between, ground]) == 0


def test_a_theme_that_is_changed_changes_what_lies_below_the_points(at: Opened) -> None:
    page = at.page
    light = page.evaluate(_GROUND)
    corner = [[30, 30]]
    assert page.evaluate(_COLOURED, [corner, light]) == 0
    page.locator("#theme").click()
    page.wait_for_function("was => JSON.stringify(" + _GROUND + ") !== JSON.stringify(was)", arg=light)
    page.wait_for_function("([places, was]) => (" + _COLOURED + ")([places, was]) === 1", arg=[corner, light])
    assert page.evaluate(_COLOURED, [corner, page.evaluate(_GROUND)]) == 0


# Shows the map anew; resolves to the canvas's width, and its colour at a corner, as they were first on the screen.
_FIRST = """() => new Promise((kept) => {
  document.querySelector('#main').replaceChildren();
  location.hash = '#/map?again';
  const look = () => {
    if (!document.querySelector('canvas')) { requestAnimationFrame(look); return; }
    requestAnimationFrame(() => {
      const canvas = document.querySelector('canvas');
      kept([canvas.width, [...canvas.getContext('2d').getImageData(30, 30, 1, 1).data.subarray(0, 3)]]);
    });
  };
  look();
})"""


def test_the_first_picture_has_the_maps_ground_and_is_never_black(at: Opened) -> None:
    width, corner = at.page.evaluate(_FIRST)
    assert width > 300
    assert corner == at.page.evaluate(_GROUND)


def test_a_map_that_is_taken_out_of_the_page_leaves_no_fault(at: Opened) -> None:
    at.page.evaluate("document.querySelector('#main').replaceChildren()")
    at.page.evaluate("new Promise((kept) => requestAnimationFrame(() => requestAnimationFrame(kept)))")
    assert not at.faults


def test_a_slow_machine_draws_fewer_while_the_map_moves_names_them_all_and_draws_them_all_at_rest(at: Opened) -> None:
    page = at.page
    # The song that is drawn last, which is left out first.
    last = page.evaluate(f"import('/js/map/thinning.js').then(({{ scattered }}) => scattered({SIDE**2}).at(-1))")
    places = page.evaluate(_PLACES, lattice())
    processor = page.context.new_cdp_session(page)
    processor.send("Emulation.setCPUThrottlingRate", {"rate": 20})
    drawn, name = page.evaluate(_MOVED, [SIDE**2 - 1, places[last]])
    processor.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    assert 4000 <= drawn[-1] < SIDE**2
    assert name == f"Song {last}"
    page.wait_for_function(_IS_WHOLE, arg=SIDE**2)
    assert page.evaluate(_COLOURED, [places, page.evaluate(_GROUND)]) == SIDE**2


def test_those_that_are_drawn_first_lie_all_over_the_map(at: Opened) -> None:
    order = at.page.evaluate(
        f"import('/js/map/thinning.js').then(({{ scattered }}) => [...scattered({SIDE**2})])",
    )
    assert sorted(order) == list(range(SIDE**2))
    first = order[:4000]
    tiles = [0] * 121  # of 10 by 10 songs
    for i in first:
        tiles[(i // SIDE // 10) * 11 + (i % SIDE) // 10] += 1
    # 33 of 100 are expected in each, with a deviation of 4.7.
    assert min(tiles) > 14
    assert max(tiles) < 52


# What pictures cost, one after another, in milliseconds, told as the page's own painting, to a map of so many points.
_THINNED = """async ([count, costs]) => {
  const { Thinning } = await import('/js/map/thinning.js');
  const thinning = new Thinning(count);
  return costs.map((took, i) => thinning.next(1000 + 50 * i, took));
}"""


@pytest.mark.parametrize(
    ("count", "costs", "last"),
    [
        (50_000, [40] * 30, 4_000),
        (50_000, [3] * 30, 50_000),
        (50_000, [3, 3, 3, 90, 3, 3, 3, 90, 3, 3], 50_000),
        (50_000, [40] * 30 + [3] * 60, 50_000),
        (300, [40] * 30, 300),
    ],
    ids=["slow", "quick", "one waited", "quick again", "few"],
)
def test_as_many_are_drawn_as_the_machine_keeps_up_with(at: Opened, count: int, costs: list[float], last: int) -> None:
    shown = at.page.evaluate(_THINNED, [count, costs])
    assert shown[-1] == last


# Three points of three colours, the third of them half out of the picture at the left, by both painters: the colours
# at six places, as lists of [red, green, blue].
_BOTH = """async () => {
  const { Points } = await import('/js/map/points.js');
  const { PlainPoints } = await import('/js/map/plain_points.js');
  const camera = { x: 0.6, y: 0.5, scale: 200, width: 200, height: 100 };
  const spots = [[50, 30], [120, 70], [0, 50], [56, 30], [150, 20], [5, 50]];
  const points = [[50, 30], [120, 70], [-1, 50]].flatMap(([x, y]) => [x + 20, y + 50]);
  const places = Uint16Array.from(points, (one) => (one / 200) * 65535);
  const drawn = {};
  for (const [name, Painter] of Object.entries({ card: Points, plain: PlainPoints })) {
    const canvas = document.createElement('canvas');
    const painter = new Painter(canvas);
    painter.ground = [40, 60, 80];
    painter.setPlaces(places);
    painter.setColours(new Uint8Array([250, 0, 0, 255, 0, 250, 0, 150, 0, 0, 250, 255]));
    painter.draw(camera, 1, 8);
    const flat = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    [flat.canvas.width, flat.canvas.height] = [canvas.width, canvas.height];
    flat.drawImage(canvas, 0, 0);
    drawn[name] = spots.map(([x, y]) => [...flat.getImageData(x, y, 1, 1).data.subarray(0, 3)]);
  }
  return drawn;
}"""


@pytest.mark.parametrize("painter", ["card", "plain"])
def test_both_painters_put_points_where_they_are_in_their_colours(at: Opened, painter: str) -> None:
    drawn = at.page.evaluate(_BOTH)[painter]
    ground = [40, 60, 80]
    mixed = [40 * 105 / 255, 60 + 190 * 150 / 255, 80 * 105 / 255]  # opacity 150 upon the ground
    for seen, wanted in zip(drawn, [[250, 0, 0], mixed, [0, 0, 250], ground, ground, ground], strict=True):
        assert seen == pytest.approx(wanted, abs=4)


# A thousand points out of sight, and then one in the middle of the picture: its colour there when one is drawn.
_SEEN = """async () => {
  const { PlainPoints } = await import('/js/map/plain_points.js');
  const canvas = document.createElement('canvas');
  const painter = new PlainPoints(canvas);
  painter.setPlaces(new Uint16Array(2002).fill(0, 0, 2000).fill(32768, 2000));
  painter.setColours(new Uint8Array(4004).fill(255));
  painter.draw({ x: 0.5, y: 0.5, scale: 4000, width: 200, height: 100 }, 1, 8, 1);
  return [...canvas.getContext('2d').getImageData(100, 50, 1, 1).data.subarray(0, 3)];
}"""


def test_points_out_of_sight_take_no_place_from_those_that_are_seen(at: Opened) -> None:
    assert at.page.evaluate(_SEEN) == [255, 255, 255]
