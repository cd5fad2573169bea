"""Learner speech made by eSpeak NG, in the folder and file format of L2-ARCTIC.

With it, the whole study runs anywhere; it proves nothing about people. A synthesiser makes the sounds, the errors
are drawn from counts of real learners' errors, and the labels are true by construction.
"""

from asheard.corpora.synthetic.plan import Speaker, SyntheticPlan, embedded_plan
from asheard.corpora.synthetic.write import synthesise

__all__ = ["Speaker", "SyntheticPlan", "embedded_plan", "synthesise"]
