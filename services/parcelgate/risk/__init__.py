"""In come versions of declarations, with the case that an authority opened on each, through RiskService.Assess.

Out go an assessment of each (findings of data quality and of risk profiles) and, if there is a case, the security decision.
It keeps nothing: the same call gets the same answer, and all it knows lies in schemas/risk.
"""
