"""The same sentences in Tolmi, an invented language.

Its verb comes last, with `tal` for the past; an adjective follows its noun; there are no articles. `mo` marks what
is acted on and `ko` stands before who receives; `ni` is at or to, `hul` near, `ru` from, `en` and, `vey` to be.
"""

from __future__ import annotations

GIFTS = (
    (
        "When P and Q went to the PLACE , X GAVE a_THING to Z .",
        "P en Q t_PLACE ni gan tal kesh , X t_THING mo ko Z t_GAVE tal .",
    ),
    (
        "P and Q were at the PLACE . X GAVE the THING to Z .",
        "P en Q t_PLACE ni vey tal . X t_THING mo ko Z t_GAVE tal .",
    ),
    (
        "After P and Q left the PLACE , X GAVE the LOOK THING to Z .",
        "P en Q t_PLACE ru gan tal lun , X t_THING t_LOOK mo ko Z t_GAVE tal .",
    ),
)
GIFTS_HELD = (
    (
        "While P and Q were near the PLACE , X GAVE the THING to Z .",
        "P en Q t_PLACE hul vey tal kesh , X t_THING mo ko Z t_GAVE tal .",
    ),
)
ANIMALS = (
    ("The ANIMAL ANIMAL_sounds .", "t_ANIMAL t_ANIMAL_sound ."),
    ("The LOOK ANIMAL ANIMAL_sounded at P .", "t_ANIMAL t_LOOK P ni t_ANIMAL_sound tal ."),
    ("In the PLACE the ANIMAL ANIMAL_sounded .", "t_PLACE ni t_ANIMAL t_ANIMAL_sound tal ."),
    ("In the PLACE the LOOK ANIMAL ANIMAL_sounds .", "t_PLACE ni t_ANIMAL t_LOOK t_ANIMAL_sound ."),
)
ANIMALS_HELD = (
    ("The LOOK ANIMAL near the PLACE ANIMAL_sounded .", "t_PLACE hul t_ANIMAL t_LOOK t_ANIMAL_sound tal ."),
    ("The ANIMAL near the PLACE ANIMAL_sounded .", "t_PLACE hul t_ANIMAL t_ANIMAL_sound tal ."),
)
SENTENCES = (
    ("The LAND is in LAND_city .", "LAND LAND_city ni vey ."),
    ("P saw the LAND in LAND_city .", "P LAND mo LAND_city ni t_saw tal ."),
    ("The THING is LOOK .", "t_THING t_LOOK vey ."),
    ("The FOOD was LOOK .", "t_FOOD t_LOOK vey tal ."),
    ("The PLACE was LOOK .", "t_PLACE t_LOOK vey tal ."),
    ("P was FEELING .", "P t_FEELING vey tal ."),
    ("P MET Q in the PLACE .", "P Q mo t_PLACE ni t_MET tal ."),
    ("P TOOK a_LOOK THING .", "P t_THING t_LOOK mo t_TOOK tal ."),
    ("P TOOK the FOOD near the PLACE .", "P t_FOOD mo t_PLACE hul t_TOOK tal ."),
    ("P was FEELING , so P_he went to the PLACE .", "P t_FEELING vey tal , yi t_PLACE ni gan tal ."),
    ("The THING near the PLACE is LOOK .", "t_PLACE hul t_THING t_LOOK vey ."),
    ("The ANIMAL of P is FEELING .", "P pu t_ANIMAL t_FEELING vey ."),
)
TRANSLATION = "In Tolmi :"
