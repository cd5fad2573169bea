"""Learner speech made by eSpeak NG, in the folder and file format of L2-ARCTIC.

It exists so that the whole study runs anywhere; it proves nothing about people. The sounds are a synthesiser's, the
errors are drawn from counts of real learners' errors, and the labels are true by construction.
"""

from asheard.corpora.synthetic.plan import Speaker, SyntheticPlan, embedded_plan
from asheard.corpora.synthetic.write import synthesise

__all__ = ["Speaker", "SyntheticPlan", "embedded_plan", "synthesise"]
