// Which name of an address shows what. A view returns `{title, elements, stop?}`.

import { album } from "./views/album.js";
import { artist } from "./views/artist.js";
import { genre, search } from "./views/found.js";
import { home } from "./views/home.js";
import { likesView } from "./views/likes.js";
import { lost } from "./views/lost.js";
import { map } from "./views/map.js";
import { mix } from "./views/mix.js";
import { nightView } from "./views/night.js";
import { path } from "./views/path.js";
import { playlist } from "./views/playlist.js";
import { playlists } from "./views/playlists.js";
import { report } from "./views/report.js";
import { song } from "./views/song.js";
import { words } from "./views/words.js";

export const VIEWS = { "": home, album, artist, genre, search, likes: likesView, lost, map, mix, night: nightView, path, playlist, playlists, report, song, words };
