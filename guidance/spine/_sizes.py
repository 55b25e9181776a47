"""Published sizes of the vertebrae T11 to S1, their spread, and where each number comes from.

Sources, by the short names used below:

- Panjabi 1992: Panjabi, Goel, Oxland et al., "Human lumbar vertebrae: quantitative
  three-dimensional anatomy", Spine 17(3):299-306; T11 and T12 from Panjabi, Takata, Goel et al.,
  "Thoracic human vertebrae", Spine 16(8):888-901 (1991). Both give means with standard errors.
- Panjabi 1993: "Articular facets of the human spine", Spine 18(10):1298-1310. Over the whole
  column: facet width 9.6-16.3 mm, height 10.2-18.4, interfacet width 20.8-40.6.
- Zindrick 1987: "Analysis of the morphometric characteristics of the thoracic and lumbar
  pedicles", Spine 12(2):160-166.
- Gilad & Nissan 1986: "A study of vertebra and disc geometric relations of the human cervical and
  lumbar spine", Spine 11(2):154-157.
- Berry 1987: "A morphometric study of human lumbar and selected thoracic vertebrae", Spine
  12(4):362-367.
- Zhou 2000: "Geometrical dimensions of the lower lumbar vertebrae", Eur Spine J 9(3):242-248.
- van Schaik 1985: "The orientation of laminae and facet joints in the lower lumbar spine", Spine
  10(1):59-63; Masharawi 2004: "Facet orientation in the thoracolumbar spine", Spine
  29(16):1755-1763.

The numbers were written down from these tables' commonly quoted means, to the nearest few tenths,
and are called "about" where only the trend is quoted; "guess" means that no source was found.
Millimetres and degrees, for an adult of mixed sex (the column `SIZE_BY_SEX` turns them to one).
"""

from guidance.anatomy import Vertebra

LEVELS = (
    Vertebra.T11,
    Vertebra.T12,
    Vertebra.L1,
    Vertebra.L2,
    Vertebra.L3,
    Vertebra.L4,
    Vertebra.L5,
)

# Every tuple runs over LEVELS, T11 first.

# Endplate widths and depths, posterior body height: Panjabi 1991, 1992 (EPWu, EPWl, EPDu, EPDl,
# VBHp).
WIDTH_UPPER_MM = (34.9, 39.0, 41.2, 42.6, 44.1, 46.6, 47.3)
WIDTH_LOWER_MM = (39.1, 42.1, 43.3, 45.5, 48.0, 49.5, 49.4)
DEPTH_UPPER_MM = (31.9, 32.8, 34.1, 34.6, 35.2, 35.5, 34.7)
DEPTH_LOWER_MM = (31.8, 33.4, 35.3, 34.9, 34.8, 33.9, 33.2)
HEIGHT_POSTERIOR_MM = (21.3, 22.7, 23.8, 24.3, 23.8, 24.1, 22.9)
# Anterior less posterior height: about, after Gilad & Nissan 1986 and Berry 1987.
WEDGE_MM = (-1.4, -1.4, -0.9, 0.1, 0.9, 1.8, 4.6)

# Pedicle isthmus, width and height: Zindrick 1987, with Panjabi 1992 within a millimetre; the
# width of T11-T12 and L1 is less certain.
PEDICLE_WIDTH_MM = (7.8, 7.6, 8.7, 8.9, 10.3, 12.9, 18.0)
PEDICLE_HEIGHT_MM = (16.0, 16.2, 15.4, 15.0, 14.9, 14.8, 14.2)
# Transverse angle (medial in front) and sagittal angle (front end up): Zindrick 1987, rounded.
# The -4 degrees of T12 that he found is drawn as 0: the axis is straight here.
PEDICLE_ANGLE_DEG = (1.0, 0.0, 10.9, 12.0, 14.4, 17.7, 27.0)
PEDICLE_TILT_DEG = (9.0, 6.0, 2.4, 1.8, 0.2, 0.2, -1.8)

# Canal at the pedicles: Panjabi 1991, 1992 (SCW, SCD).
CANAL_WIDTH_MM = (19.4, 22.2, 23.7, 23.8, 24.3, 25.4, 27.1)
CANAL_DEPTH_MM = (16.1, 18.1, 19.0, 18.2, 17.5, 18.6, 19.7)

# From tip to tip of the transverse processes: Panjabi 1992 gives 71, 76, 86, 88, 93 for L1-L5;
# Berry 1987 and the Visible Human have L3 the widest. L3 and L4 are set after the latter (about).
TRANSVERSE_SPAN_MM = (52.0, 47.0, 72.0, 80.0, 90.0, 86.0, 92.0)
# From the middle of the body to the tip of the spinous process: Panjabi 1992 (SPL), about.
SPINOUS_REACH_MM = (58.0, 60.0, 67.0, 70.0, 71.0, 68.0, 62.0)
# Height of the spinous process at its middle: about, Berry 1987; L5's is small.
SPINOUS_HEIGHT_MM = (15.0, 18.0, 21.0, 22.0, 22.0, 19.0, 14.0)

# Superior facets. Width and height: about, Panjabi 1993. The angle is that of the joint's plane
# with the sagittal plane in an axial cut: van Schaik 1985 and Masharawi 2004, means rounded; the
# thoracic ones face backwards. The last entry is S1's (the L5-S1 joint).
FACET_WIDTH_MM = (11.0, 11.5, 12.5, 13.5, 14.5, 15.5, 15.5, 15.5)
FACET_HEIGHT_MM = (12.0, 12.0, 13.5, 15.0, 15.5, 15.5, 16.0, 16.0)
FACET_ANGLE_DEG = (80.0, 76.0, 22.0, 25.0, 30.0, 38.0, 46.0, 53.0)
# Between the centres of the superior facets of both sides: about, Panjabi 1993 (least 20.8, most
# 40.6).
INTERFACET_MM = (21.0, 22.5, 26.0, 27.0, 29.0, 32.5, 37.0, 41.0)
# Radius of the joint's curve in an axial cut; flat below and in the thorax. Guess.
FACET_CURVE_MM = (60.0, 60.0, 14.0, 14.0, 15.0, 18.0, 24.0, 34.0)

# The disc below each level at its middle: about, Gilad & Nissan 1986 and Zhou 2000 (10.7 to 11.6
# below L3, L4 and L5).
DISC_HEIGHT_MM = (6.0, 7.2, 8.4, 9.8, 10.8, 11.4, 10.7)
# Share of the lordosis L1-S1 that the discs take (L1-L2 to L5-S1): about; the rest is wedge.
# Above L1 the spine turns to kyphosis by about a degree a disc.
DISC_LORDOSIS_SHARE = (0.10, 0.14, 0.19, 0.26, 0.31)
DISC_KYPHOSIS_DEG = 1.0

# Standard deviations as a fraction of the mean that is left after overall size: Panjabi 1992's
# standard errors and Zhou 2000's deviations come to 5 to 8 % for endplates, 10 to 20 % for the
# arch.
SPREAD_BODY = 0.045
SPREAD_PEDICLE_WIDTH = 0.13
SPREAD_PEDICLE_HEIGHT = 0.07
SPREAD_CANAL = 0.08
SPREAD_PROCESS = 0.08
SPREAD_FACET = 0.08
SPREAD_DISC = 0.14
SPREAD_PEDICLE_ANGLE_DEG = 3.0
SPREAD_FACET_ANGLE_DEG = 6.0

# Linear size against the mixed mean: women's endplates are some 10 % narrower (Zhou 2000, Gilad &
# Nissan 1986: men only).
SIZE_BY_SEX = {"female": 0.945, "male": 1.045}
