"""95% sampling intervals of what the released data hold about people, by target.

Source: iMSMS Consortium 2022 released data (authors' repository), re-analysed.
"""

INTERVALS = {
    "C01": (0.3221, 0.4036),  # untreated share of MS
    "C02": (0.7231, 0.7943),  # RRMS share of MS
    "C03": (0.3955, 0.5328),  # progressive share among untreated
    "C04": (2.414, 2.787),  # EDSS mean, all MS
    "C05": (1.614, 1.928),  # EDSS mean, RRMS
    "C06": (4.906, 5.511),  # EDSS mean, progressive
    "C07": (2.133, 2.347),  # EDSS SD, all MS
    "C08": (0.8726, 0.9091),  # Spearman EDSS vs MSSS
    "C09": (0.4518, 0.5704),  # Spearman EDSS vs age
    "C10": (13.29, 15.12),  # disease duration mean
    "C11": (32.27, 34.23),  # onset age mean, RRMS
    "C12": (0.2339, 0.3073),  # Cramer's V, 7 treatments by site
    "C13": (0.3484, 0.5627),  # untreated share, Edinburgh minus Buenos Aires
    "C14": (0.08572, 0.1626),  # depression, share MS minus HHC
    "C15": (0.5667, 0.6468),  # same smoking category within pair
    "D01": (0.8992, 0.9446),  # share of opposite-sex pairs
    "D02": (0.6566, 0.7323),  # women among MS
    "D03": (47.84, 49.92),  # age mean, MS
    "D04": (11.63, 12.7),  # age SD, MS
    "D05": (0.8041, 0.8892),  # age within-pair correlation
    "D06": (24.95, 25.77),  # BMI mean, MS
    "D07": (26.44, 27.27),  # BMI mean, HHC
    "D08": (0.2008, 0.4509),  # BMI within-pair correlation
    "D09": (0.7266, 0.7908),  # share of pairs with ages within 5 years
    "E1": (66.09, 67.61),  # HEI-2015 total, mean of all
    "E2": (-0.02118, 2.01),  # HEI-2015 total, MS effect adjusted
    "E3": (0.3271, 0.4723),  # HEI-2015 total, within-pair correlation
    "E4": (0.2605, 0.3805),  # median within-pair correlation of 37 nutrients and food groups
    "E5": (0.1782, 0.3644),  # vitamin C intake, MS effect (log1p)
    "E6": (0.2593, 0.3477),  # diet (37 items, standardised Euclid) household adjusted R2
    "E7": (0.03715, 0.06115),  # diet site R2
}
