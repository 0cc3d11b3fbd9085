"""First names: as many for girls as for boys."""

from __future__ import annotations

from unravel.interp.corpora.vocabulary import words

GIRLS = words(
    """Mary Anna Sarah Emma Julia Alice Helen Laura Clara Diana Nina Rosa Vera Ruth Susan Lucy
    Olivia Sophie Grace Chloe Amelia Ella Lily Hannah Eva Maya Zoe Nora Ivy Stella Violet Hazel
    Ada Edith Flora Greta Heidi Irene Jane Kate Lena Mona Nelly Olga Paula Rita Sally Tina
    Ursula Wanda Yvonne Zelda Agnes Bella Carla
    Doris Esther Fiona Gloria Iris Judy Karen Linda Molly"""
)
BOYS = words(
    """John Tom James Peter David Paul Mark Luke Simon Adam Henry Oscar Hugo Carl Daniel Frank
    Oliver Jack Harry Jacob Noah Leo Max Ben Sam Felix Arthur Theo Edward George Isaac Finn
    Albert Bruno Conrad Dennis Eric Fred Gregory Howard Ivan Joel Kevin Louis Martin Nathan Otto Philip
    Quentin Robert Stefan Tobias Victor Walter Xavier Andrew Brian Charles
    Douglas Elliot Gilbert Herbert Jason Kenneth"""
)
