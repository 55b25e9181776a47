"""Imaging research on medial branch blocks: read fluoroscopy, follow contrast, flag and report.

Research use only: this package flags what it sees, it does not diagnose. Importing it has no
effects and loads none of its algorithms; import the sub-package that you need.
"""

__version__ = "0.1.0"
