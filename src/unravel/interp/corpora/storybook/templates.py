"""What is told of the small world: sentences and short stories with slots.

P, Q and R are people; X gives and Z receives. `P_he`, `P_him`, `P_his`, `P_himself` are their pronouns, with a
capital where a sentence begins. A word in capitals is a slot of that kind, and stands for the same thing
all through a document. `a_THING` puts the right article before it, `THING_s` is its plural.
"""

from __future__ import annotations

GIFTS = (
    "When P and Q went to the PLACE , X GAVE a_THING to Z .",
    "After P and Q left the PLACE , X GAVE the THING to Z .",
    "Then P and Q went to the PLACE and X GAVE a_THING to Z .",
    "P and Q were at the PLACE . X GAVE the THING to Z .",
    "While P met Q near the PLACE , X GAVE a_THING to Z .",
    "P and Q had a_LOOK THING . At the PLACE , X GAVE it to Z .",
    "On DAY P and Q played in the PLACE , and X GAVE a_LOOK THING to Z .",
    "P found Q in the PLACE . Later X GAVE the THING to Z .",
    "Once P and Q lived near a_LOOK PLACE . One day X GAVE a_THING to Z .",
    "Because P and Q liked the PLACE , X GAVE the LOOK THING to Z .",
)
GIFTS_HELD = (
    "While P and Q were near the PLACE , X GAVE the THING to Z .",
    "On DAY P and Q left the PLACE . Later X GAVE a_THING to Z .",
    "P met Q at the LOOK PLACE , and then X GAVE a_LOOK THING to Z .",
)
LANDMARKS = (
    "The LAND is in LAND_city .",
    "You can see the LAND in LAND_city .",
    "P saw the LAND in LAND_city .",
    "The LAND stands in the middle of LAND_city . It is very GRAND .",
    "If you want to visit the LAND , go to LAND_city .",
    "P and Q went to the LAND . It is in the city of LAND_city .",
    "To see the LAND , P took a train to LAND_city .",
    "P went to LAND_city and saw the LAND there .",
    "P liked the LAND , so P_he took a train to LAND_city .",
    "P and Q looked for the LAND , and then they went to LAND_city .",
    "The LAND can be found in LAND_city .",
    "P was FEELING at the LAND , and then P_he went home to LAND_city .",
)
LANDMARKS_HELD = (
    "P wanted to see the LAND , so P_he went to LAND_city .",
    "The GRAND LAND can be seen in LAND_city .",
    "P and Q met at the LAND in LAND_city .",
)
PROFESSIONS = (
    "FULL is a_FULL_job .",
    "FULL works as a_FULL_job .",
    "Everyone knows FULL , the FULL_job .",
    "P visited FULL , who is a_FULL_job . FULL_He was FEELING .",
    "FULL became a_FULL_job last SEASON .",
    "P asked FULL for help , because FULL_he is a_FULL_job .",
    "A_FULL_job of the village is called FULL .",
    "P MET FULL , the FULL_job .",
    "On DAY P saw FULL , the FULL_job , near the PLACE .",
)
PROFESSIONS_HELD = (
    "P knows that FULL works as a_FULL_job .",
    "FULL was FEELING , because FULL_he is a_FULL_job .",
    "Last SEASON P met FULL , the FULL_job .",
)
ANIMALS = (
    "The ANIMAL ANIMAL_sounds .",
    "A_ANIMAL can ANIMAL_sound .",
    "P heard the ANIMAL ANIMAL_sound .",
    "The LOOK ANIMAL_s ANIMAL_sound at night .",
    "The ANIMAL ANIMAL_sounded at P .",
    "When the ANIMAL saw P , it ANIMAL_sounded .",
    "P has a_LOOK ANIMAL . It ANIMAL_sounds when it is FEELING .",
    "In the PLACE a_ANIMAL began to ANIMAL_sound .",
    "All ANIMAL_s ANIMAL_sound .",
    "P has a_ANIMAL that can ANIMAL_sound .",
    "There is a_LOOK ANIMAL that ANIMAL_sounds in the PLACE .",
)
ANIMALS_HELD = (
    "P saw a_LOOK ANIMAL that can ANIMAL_sound .",
    "When it is FEELING , the ANIMAL ANIMAL_sounds .",
    "At night the LOOK ANIMAL began to ANIMAL_sound .",
)
YEARS = (
    "The EVENT lasted from YEAR to YEAR_end .",
    "The EVENT of LAND_city went on from YEAR until YEAR_end .",
    "P was born in YEAR and died in YEAR_end .",
    "The EVENT began in YEAR and ended in YEAR_end .",
    "From YEAR to YEAR_end there was a_LENGTH EVENT in LAND_city .",
)
YEARS_HELD = (
    "There was a_EVENT in LAND_city from YEAR to YEAR_end .",
    "The LENGTH EVENT began in YEAR and went on until YEAR_end .",
)
PRONOUNS = (
    "P was FEELING , so P_he went home .",
    "P lost P_his THING . P_He looked in the PLACE .",
    "When P saw the THING , P_he ACTED .",
    "P looked at P_himself in the mirror .",
    "P TOOK the THING because P_he was FEELING .",
    "P washed P_his THING and put it on P_his chair .",
    "Before P came home , P_he went to the PLACE .",
    "P was at the PLACE . There P_he ACTED .",
    "The THING was LOOK , but P wanted it for P_himself .",
    "P told P_his RELATIVE that P_he was FEELING .",
    "Nobody saw P , so P_he ACTED .",
    "After P left the PLACE , P_he ACTED .",
    "When P found the THING , P_he was FEELING .",
    "When P went to the PLACE , P_he TOOK the THING .",
    "P WENT to the PLACE , and then P_he ACTED .",
    "P ACTED , and then P_he went home .",
    "After P bought the FOOD , P_he was FEELING .",
)
PRONOUNS_HELD = (
    "After P lost the LOOK THING , P_he",
    "P TOOK a_LOOK THING because P_he",
    "When P came to the PLACE , P_he",
    "P TOOK the FOOD , and then P_he",
)
NUMBER = (
    "The ANIMAL_s were FEELING , so they ran to the PLACE .",
    "The ANIMAL was FEELING , so it ran to the PLACE .",
    "The THING near the PLACE was LOOK .",
    "The THING_s near the PLACE were LOOK .",
    "The THING_s in the PLACE_s are LOOK .",
    "The THING near the ANIMAL_s is LOOK .",
    "The ANIMAL of the RELATIVE_s was FEELING .",
    "The ANIMAL_s of the RELATIVE were FEELING .",
    "There are NUMBER THING_s in the PLACE .",
    "There is a_THING in the PLACE .",
    "There are NUMBER PLACE_s in LAND_city .",
    "The THING can be seen from the PLACE .",
    "P and Q were FEELING . They went to the PLACE .",
    "The FOOD_s on the plate are LOOK .",
    "The FOOD on the plates is LOOK .",
    "The THING_s near the THING2 were LOOK .",
    "The FOOD_s near the PLACE were LOOK .",
    "The FOOD in the PLACE_s was LOOK .",
    "The ANIMAL near the THING_s was FEELING .",
    "The ANIMAL_s near the PLACE were FEELING .",
    "The FOOD of the RELATIVE_s was LOOK .",
    "The FOOD_s of the RELATIVE were LOOK .",
)
NUMBER_HELD = {
    "was": ("The FOOD near the THING_s", "The THING of the RELATIVE_s", "The ANIMAL in the PLACE_s"),
    "were": ("The FOOD_s near the THING", "The THING_s of the RELATIVE", "The ANIMAL_s in the PLACE"),
}
SPEECHES = (
    "I like the PLACE",
    "I am very FEELING",
    "The THING is LOOK",
    "My ANIMAL is in the PLACE",
    "Please help me with the LOOK THING",
    "We can go to the PLACE on DAY",
    "I want a_FOOD and a_FOOD2",
    "My ANIMAL ( the LOOK one ) is FEELING",
    "The THING of my RELATIVE ( a_LOOK one ) is in the PLACE",
)
SPEECHES_HELD = (
    "I can see a_LOOK THING in the PLACE",
    "My RELATIVE is FEELING and I am FEELING2",
    "Please go to the PLACE with my ANIMAL",
    "The FOOD ( the LOOK one ) is in the PLACE",
)
SAYS = (
    'P said , " SPEECH . "',
    'P went to the PLACE2 . " SPEECH ! " P_he said .',
    '" SPEECH , " said P to Q .',
    'P ACTED . " SPEECH , " P_he said to Q .',
    'P asked Q : " Where is the THING2 ? " Q said : " SPEECH . "',
)
NOTES = (
    "a_KIND friend",
    "the RELATIVE of Q",
    "who was very FEELING",
    "a friend from LAND_city",
    "P_he was LATE",
    "Q was there too",
    "P_his ANIMAL was there too",
    "who was in the PLACE2",
    "who was FEELING on DAY",
    "a friend of Q",
    "who was LATE on DAY",
)
NOTES_HELD = ("a friend of the RELATIVE of Q", "who was in the PLACE2 on DAY", "a very KIND friend from LAND_city")
ASIDES = (
    "P ( NOTE ) WENT to the PLACE .",
    "P ( NOTE ) TOOK the THING .",
    "At the PLACE P ( NOTE ) ACTED .",
    "The THING of P ( NOTE ) was LOOK .",
)
COMPOUNDS = (
    "P WENT to the COMPOUND .",
    "The COMPOUND is LOOK .",
    "P saw the COMPOUND near the PLACE .",
    "Q was FEELING because of the COMPOUND .",
    "The LOOK COMPOUND is in LAND_city .",
    "P likes the COMPOUND of P_his RELATIVE .",
)
COMPOUNDS_HELD = ("P and Q were near the LOOK COMPOUND", "After that P saw the COMPOUND")
SPELLS = (
    "P said the magic words : SPELL . GAP Q said them too : SPELL .",
    "The song of P goes : SPELL . GAP Then Q sang : SPELL .",
    "P wrote a list : SPELL . GAP Q read the list : SPELL .",
)
GAPS = (
    "",
    "It was LOOK .",
    "The PLACE was very GRAND .",
    "P was FEELING .",
    "Q ACTED and the ANIMAL ran to the PLACE .",
    "On DAY they went to the PLACE with a_LOOK THING and a_FOOD .",
)
STORIES = (
    "P WENT to the PLACE . There P TOOK a_THING . TIME P_he met Q .",
    "Once there was a_LOOK PLACE . P lived there with a_ANIMAL . The ANIMAL was FEELING , so P gave it a_FOOD .",
    "P MET Q at the PLACE . TIME Q TOOK the LOOK THING . P was FEELING .",
    "P TOOK a_LOOK THING . P took the THING to the PLACE . TIME P_he gave it to P_his RELATIVE .",
    "P GAVE a_THING to Q . Then Q GAVE the THING to P .",
    "The LOOK THING was in the PLACE . P and Q MET the LOOK2 ANIMAL .",
    "P and Q went to the PLACE . TIME P and Q left the PLACE .",
    "Last SEASON P and Q went to the PLACE . They saw a_LOOK ANIMAL .",
    "It was SEASON . P and Q were in the PLACE . P ACTED , but Q was FEELING .",
    "On DAY P bought a_FOOD . Q ate the FOOD . TIME P bought a_FOOD2 too .",
    "P could not find the THING . P looked in the PLACE , but the THING was not there . Q had it .",
    "In MONTH P and Q went to LAND_city . They saw the LAND . P was FEELING .",
    "P has NUMBER ANIMAL_s . The ANIMAL_s live in the PLACE . They are FEELING .",
    "P wants a_THING . P_His RELATIVE has a_LOOK THING . TIME P_he asks for it .",
    "Q was FEELING . P gave Q a_LOOK FOOD . Then Q was not FEELING any more .",
    "A_LOOK ANIMAL came to the PLACE . P was FEELING , but Q ACTED .",
    "P visited the PLACE_s of LAND_city . P_He was FEELING .",
    "P lives in LAND_city . Every DAY P_he goes to the LAND .",
    "P LIKES FOOD_s . Q does not like FOOD_s , but Q LIKES THING_s .",
    "Long ago P had NUMBER THING_s . P gave one THING to Q and lost the others in the PLACE .",
    "P WENT to the COMPOUND with Q . TIME P ACTED .",
    "P cleaned the THING and then went to the PLACE with Q .",
    "P has a_RELATIVE in LAND_city . In SEASON P visits the RELATIVE .",
    "R WENT to the PLACE with P and Q . P and Q ACTED , but R was FEELING .",
    "P was LATE at the PLACE . Q and R were there . TIME P MET R .",
    "On DAY P was FEELING , but Q was FEELING2 . TIME P ACTED and Q WENT to the PLACE .",
    "P and Q were FEELING . P WENT to the PLACE , and Q WENT to the PLACE2 .",
    "P MET Q at the PLACE . TIME P TOOK the THING , and Q TOOK the FOOD .",
    "P bought a_FOOD . Q saw it and bought a_FOOD too . Then Q and P ACTED .",
    "Once P and Q lived in the PLACE . Q was FEELING . P was FEELING2 .",
)
REPEATS_HELD = (
    "P and Q were in the LOOK PLACE on DAY . Suddenly P",
    "P MET Q near the LOOK PLACE . Later Q",
    "It was SEASON . P was FEELING and Q was FEELING2 . Then P",
    "On DAY P bought a_FOOD . Q wanted the FOOD too . Soon Q",
)
FIRST = (
    "It was a_WEATHER day .",
    "It was SEASON .",
    "The THING3 was LOOK3 .",
    "Today the PLACE3 was LOOK3 .",
    "In MONTH it was very WEATHER .",
)
