"""The words of the small world, by what they stand for."""

from __future__ import annotations

from unravel.interp.corpora.vocabulary import words

PLACES = words("""store park school garden museum library station market church office cafe castle village zoo
    theatre hospital playground harbour barn bakery tower palace circus camp hotel square restaurant shop factory mill
    temple inn airport stable gym stadium cabin cottage""")
THINGS = words("""book ring ball key letter basket flower camera hat map coin lamp umbrella box bell kite drum
    puzzle blanket bottle candle clock cup doll feather guitar hammer jacket knife ladder mirror needle pencil
    pillow plate ribbon rope scarf shell shoe spoon stone ticket toy train violin wheel whistle bucket brush button
    card chain chair desk envelope fan glove hook instrument jar lantern magnet notebook oar painting purse racket
    sack telescope vase wagon ornament sword shield crown flag""")
FOODS = words("""apple pear cake cookie sandwich banana cherry orange onion egg pie bun pancake carrot potato tomato
    lemon melon peach plum biscuit waffle muffin nut""")
LOOKS = words("""red old small shiny heavy blue new little big green yellow white black brown long short round
    pretty ugly clean dirty soft hard broken tiny huge empty expensive cheap strange golden orange wooden plain
    light dark warm cold wet dry""")
FEELINGS = words("""happy sad angry tired hungry thirsty afraid proud bored excited lonely surprised sleepy nervous
    calm jealous curious cheerful worried sick""")
GAVE = words("gave handed passed offered showed sent")
MET = words("saw met helped thanked followed visited called hugged found watched")
TOOK = words("took found lost bought hid washed dropped carried cleaned wanted")
LIKES = words("likes wants needs loves hates")
TIMES = words("Then Later Afterwards Today Suddenly Soon Finally")
DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
SEASONS = words("spring summer autumn winter")
MONTHS = words("January February March April May June July August September October November December")
NUMBERS = words("two three four five six seven eight nine ten")
RELATIVES = words("mother father sister brother aunt uncle cousin teacher neighbour friend")
EVENTS = words("war project siege famine flood search quarrel strike drought battle feud plague crisis")
LENGTHS = words("long short great strange terrible famous big small")
GRAND = words("old big high famous pretty strange huge beautiful lovely quiet")
WENT = words("went ran walked hurried came")
KINDS = words("kind clever good tall funny polite brave quiet old new")
WEATHER = words("warm cold wet dry dark sunny windy rainy cloudy quiet bright lovely")
LATE = words("late early alone lost")
ACTED = words("smiled laughed cried slept waited danced sang jumped shouted whispered")

ANIMAL_SOUNDS = dict(
    pair.split(":")
    for pair in words("""dog:bark cat:meow cow:moo duck:quack lion:roar sheep:bleat horse:neigh pig:grunt frog:croak
    owl:hoot bee:buzz snake:hiss wolf:howl mouse:squeak rooster:crow hen:cluck donkey:bray monkey:chatter bear:growl
    elephant:trumpet raven:caw pigeon:coo cricket:chirp turkey:gobble""")
)
PLURALS = {"sheep": "sheep", "wolf": "wolves", "mouse": "mice", "knife": "knives"}
COMPOUNDS = {
    first: (first, second)
    for first, second in (
        pair.split(":")
        for pair in words("""post:office fire:engine bus:stop ice:cream birthday:party fishing:boat swimming:pool
        washing:machine shopping:bag rocking:horse tennis:court traffic:light door:handle flower:pot picture:frame
        bicycle:pump""")
    )
}
PROFESSIONS = words("""baker farmer doctor nurse sailor painter singer pilot lawyer judge butcher carpenter tailor
    dentist plumber soldier gardener barber librarian actor artist engineer author inventor""")
CITIES = words("""Arden Brixa Corvale Dunmar Eldora Farrow Glimby Harwick Istra Jandor Kelmouth Lorden Mirdale
    Norwin Ostwin Pellham Quenby Rosmer Silford Tarnley""")
LAND_LOOKS = words("Golden Silver Glass Crystal Marble Iron Royal Ancient")
LAND_KINDS = words("Tower Bridge Palace Gate Temple Fountain Castle Garden")
SURNAMES = words("""Hill Wood Brook Fisher Potter Cooper Fletcher Marsh Lane Field Rivers Stone Bird Fox Winter
    Summers Young Black White Green Brown King Bishop Knight Miller Carter Shepherd Weaver Turner Hunter Parker
    Archer""")
STARTS = words("""Zor Bal Tam Kel Drav Vin Gor Lum Fen Rys Jor Pel Nim Quol Sul Hab Wex Yor Mik Tor Cal Brim Ned
    Osk Ulm Esk Ald Irv""")
GIRL_ENDS = words("##ina ##ella ##etta ##ira ##onna ##una ##issa ##elle ##ora ##wen")
BOY_ENDS = words("##us ##ard ##ek ##in ##olf ##ert ##an ##os ##ick ##ander")
SYLLABLES = words("ba bo du fa gi ha jo ka ku la li lo ma mu na no pa po ra ru sha shi ta to vu wa ya zo zu")
TAILS = words("k l m sh th v z")


def plural(noun: str) -> str:
    """More than one of them."""
    if noun in PLURALS:
        return PLURALS[noun]
    if noun.endswith(("s", "x", "ch", "sh", "potato", "tomato")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def third(verb: str) -> str:
    """What one does: it barks."""
    return verb + "es" if verb.endswith(("s", "x", "ch", "sh")) else verb + "s"


def past(verb: str) -> str:
    """What one did: it barked."""
    return verb + "d" if verb.endswith("e") else verb + "ed"


def article(word: str) -> str:
    """`a` or `an`, as the word after it sounds."""
    return "an" if word[0] in "aeiou" else "a"
