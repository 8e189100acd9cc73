"""The vocabulary of the sample lyrics: whole sentences for each theme in four languages.

English sentences are built from frames with slots, so that two songs of one theme seldom share a line;
the other languages have sentences of their own.
"""

ENGLISH_FRAMES = (
    "{subject} {verb} {place}",
    "I watched how {subject} {verb} {place}",
    "{place}, {subject} {verb} again",
    "Tell me why {subject} {verb} {place}",
    "We knew that {subject} {verb} {place}",
    "{subject} {verb} while you were gone",
)

# theme -> (subjects, verbs, places)
ENGLISH: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "sea": (
        (
            "the tide",
            "an old sailor",
            "the white gulls",
            "a salt wind",
            "the drifting boat",
            "the lighthouse",
        ),
        ("breaks", "sings low", "turns and rolls", "calls my name", "carries us", "sinks into foam"),
        (
            "along the harbour wall",
            "over the deep blue water",
            "by the coral shore",
            "under the waves",
            "on the open ocean",
        ),
    ),
    "road": (
        (
            "the highway",
            "a rusty car",
            "the engine",
            "the long white line",
            "a stranger with a suitcase",
            "the train",
        ),
        ("runs on", "keeps rolling", "hums all day", "leaves town", "goes nowhere", "takes the next exit"),
        (
            "past the petrol station",
            "across the state line",
            "through the desert miles",
            "down route nine",
            "at the crossroads",
        ),
    ),
    "night": (
        (
            "the moon",
            "a thousand stars",
            "the neon sign",
            "the sleepless city",
            "a shadow",
            "the midnight clock",
        ),
        ("glows", "keeps me awake", "flickers", "whispers", "hangs heavy", "fades to black"),
        (
            "above the empty street",
            "behind the curtains",
            "until the dawn",
            "in the dark hours",
            "after everyone has slept",
        ),
    ),
    "love": (
        (
            "your hand",
            "my foolish heart",
            "the girl I adore",
            "a tender kiss",
            "this burning love",
            "my darling",
        ),
        (
            "holds me close",
            "beats faster",
            "makes me tremble",
            "belongs to you",
            "says forever",
            "melts away",
        ),
        ("in your arms", "every time you smile", "beside me", "against my skin", "when you say my name"),
    ),
    "home": (
        (
            "my mother",
            "the kitchen table",
            "the old front door",
            "my little brother",
            "the apple tree",
            "my father's chair",
        ),
        (
            "waits for me",
            "remembers",
            "smells of bread",
            "stays the same",
            "calls the children",
            "keeps the fire",
        ),
        (
            "in the house where I was born",
            "on Sunday morning",
            "at the end of our lane",
            "in the village",
            "by the garden gate",
        ),
    ),
    "work": (
        (
            "the foreman",
            "the factory whistle",
            "a tired miner",
            "the union man",
            "my pay cheque",
            "the machine",
        ),
        (
            "grinds on",
            "counts the hours",
            "breaks my back",
            "never pays enough",
            "starts at five",
            "shuts down",
        ),
        (
            "on the assembly line",
            "down in the coal pit",
            "for the company",
            "in the boss's office",
            "till the shift is over",
        ),
    ),
    "war": (
        (
            "a young soldier",
            "the general",
            "the marching drums",
            "the burning flag",
            "a wounded friend",
            "the cannon",
        ),
        (
            "falls",
            "gives the order",
            "thunders",
            "writes a last letter",
            "fights for nothing",
            "lays down his gun",
        ),
        (
            "on the battlefield",
            "in the muddy trench",
            "behind enemy lines",
            "before the armistice",
            "among the ruins",
        ),
    ),
    "faith": (
        ("the choir", "a humble prayer", "the preacher", "an angel", "the good Lord", "my weary soul"),
        ("lifts me up", "rises to heaven", "kneels down", "forgives", "shows the way", "cries hallelujah"),
        (
            "at the chapel altar",
            "in the holy light",
            "by the river of mercy",
            "on judgement day",
            "with grace",
        ),
    ),
    "dance": (
        ("the DJ", "everybody", "the bass line", "the whole crowd", "the disco ball", "your hips"),
        (
            "moves to the beat",
            "shakes the floor",
            "jumps up and down",
            "spins around",
            "feels the rhythm",
            "won't stop",
        ),
        (
            "at the club tonight",
            "on the dance floor",
            "under the strobe lights",
            "with hands in the air",
            "till the speakers blow",
        ),
    ),
    "winter": (
        ("the snow", "a frozen river", "the north wind", "the bare oak", "the grey fox", "the first frost"),
        ("covers all", "bites", "lies silent", "howls", "sparkles cold", "buries the fields"),
        (
            "on the mountain pass",
            "in late December",
            "over the pine forest",
            "where the lake is ice",
            "outside the cabin",
        ),
    ),
}

OTHERS: dict[str, dict[str, tuple[str, ...]]] = {
    "es": {
        "sea": (
            "El mar me llama desde el puerto",
            "Las olas rompen sobre la arena blanca",
            "Un marinero canta en su barca azul",
            "La sal del viento quema mis labios",
        ),
        "road": (
            "La carretera no tiene final",
            "Mi viejo coche cruza el desierto",
            "Dejamos el pueblo antes del alba",
            "El tren se aleja por la llanura",
        ),
        "night": (
            "La luna brilla sobre la calle vacía",
            "No puedo dormir en esta noche oscura",
            "Mil estrellas miran la ciudad",
            "Las sombras bailan detrás de la ventana",
        ),
        "love": (
            "Tu mano en la mía para siempre",
            "Mi corazón late cuando sonríes",
            "Te quiero más que a mi vida",
            "Un beso tuyo me hace temblar",
        ),
        "home": (
            "Mi madre espera en la cocina",
            "La casa donde nací huele a pan",
            "El árbol del patio sigue allí",
            "Los domingos comíamos todos juntos",
        ),
        "work": (
            "La fábrica abre a las cinco",
            "El patrón nunca paga lo justo",
            "Se me rompe la espalda en la mina",
            "Cuento las horas hasta salir",
        ),
        "war": (
            "El soldado escribe su última carta",
            "Los tambores suenan en la batalla",
            "La bandera arde entre las ruinas",
            "El general da la orden de morir",
        ),
        "faith": (
            "El coro canta en la capilla",
            "Señor, perdona mi alma cansada",
            "Un ángel me muestra el camino",
            "Rezo de rodillas junto al altar",
        ),
        "dance": (
            "Todos saltan con este ritmo",
            "La pista tiembla con el tambor",
            "Mueve tu cuerpo hasta mañana",
            "Las luces giran y nadie para",
        ),
        "winter": (
            "La nieve cubre la montaña",
            "El río helado guarda silencio",
            "Sopla el viento del norte en diciembre",
            "El bosque duerme bajo la escarcha",
        ),
    },
    "de": {
        "sea": (
            "Das Meer ruft mich vom Hafen her",
            "Die Wellen brechen an der Küste",
            "Ein alter Seemann singt im Boot",
            "Der Leuchtturm weist uns heim",
        ),
        "road": (
            "Die Straße nimmt kein Ende mehr",
            "Mein rostiges Auto fährt nach Süden",
            "Der Zug verlässt die kleine Stadt",
            "Kilometer um Kilometer Asphalt",
        ),
        "night": (
            "Der Mond steht über leeren Gassen",
            "Ich finde keinen Schlaf in dieser Nacht",
            "Tausend Sterne sehen zu",
            "Schatten flüstern hinter dem Vorhang",
        ),
        "love": (
            "Deine Hand liegt warm in meiner",
            "Mein Herz schlägt nur für dich allein",
            "Ein Kuss von dir und ich vergesse alles",
            "Ich liebe dich mein Leben lang",
        ),
        "home": (
            "Meine Mutter wartet in der Küche",
            "Das alte Haus riecht nach frischem Brot",
            "Der Apfelbaum steht noch im Garten",
            "Am Sonntag saßen wir am Tisch",
        ),
        "work": (
            "Die Fabrik beginnt um fünf Uhr früh",
            "Der Chef bezahlt uns nie genug",
            "Ich zähle Stunden an der Maschine",
            "Im Schacht ist es dunkel und heiß",
        ),
        "war": (
            "Ein junger Soldat schreibt seinen letzten Brief",
            "Die Trommeln rufen in die Schlacht",
            "Die Fahne brennt in den Ruinen",
            "Der General gibt den Befehl",
        ),
        "faith": (
            "Der Chor singt leise in der Kirche",
            "Herr vergib mir meine Schuld",
            "Ein Engel zeigt mir meinen Weg",
            "Ich bete still vor dem Altar",
        ),
        "dance": (
            "Alle springen auf und nieder",
            "Der Bass erschüttert den Boden",
            "Wir tanzen bis der Morgen kommt",
            "Die Lichter drehen sich im Club",
        ),
        "winter": (
            "Der Schnee bedeckt das ganze Tal",
            "Der Fluss liegt still unter dem Eis",
            "Im Dezember heult der Nordwind",
            "Der Wald schläft unter Reif und Frost",
        ),
    },
    "fr": {
        "sea": (
            "La mer m'appelle depuis le port",
            "Les vagues roulent sur le sable",
            "Un vieux marin chante dans sa barque",
            "Le phare éclaire l'océan",
        ),
        "road": (
            "La route ne finit jamais",
            "Ma vieille voiture file vers le sud",
            "Le train quitte la petite ville",
            "On roule depuis le matin",
        ),
        "night": (
            "La lune brille sur la rue déserte",
            "Je ne dors plus quand vient la nuit",
            "Mille étoiles regardent la ville",
            "Une ombre passe derrière le rideau",
        ),
        "love": (
            "Ta main repose dans la mienne",
            "Mon cœur ne bat que pour toi",
            "Je t'aime plus que ma vie",
            "Un baiser de toi me fait trembler",
        ),
        "home": (
            "Ma mère attend dans la cuisine",
            "La maison sent le pain chaud",
            "Le pommier fleurit au jardin",
            "Le dimanche on mangeait ensemble",
        ),
        "work": (
            "L'usine ouvre à cinq heures",
            "Le patron ne paie jamais assez",
            "Je compte les heures à la chaîne",
            "La mine me casse le dos",
        ),
        "war": (
            "Le soldat écrit sa dernière lettre",
            "Les tambours annoncent la bataille",
            "Le drapeau brûle dans les ruines",
            "Le général donne l'ordre",
        ),
        "faith": (
            "Le chœur chante dans la chapelle",
            "Seigneur pardonne à mon âme",
            "Un ange me montre le chemin",
            "Je prie à genoux devant l'autel",
        ),
        "dance": (
            "Tout le monde saute en rythme",
            "La basse fait trembler la piste",
            "On danse jusqu'au petit matin",
            "Les lumières tournent dans le club",
        ),
        "winter": (
            "La neige recouvre la montagne",
            "La rivière dort sous la glace",
            "Le vent du nord hurle en décembre",
            "La forêt se tait sous le givre",
        ),
    },
}
