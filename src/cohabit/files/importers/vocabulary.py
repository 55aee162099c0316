"""Names, levels and words in common use, by which a mapping is guessed."""

NAMES = {
    "sample_id": r"sample.?(id|name)?|#?sample.?id|id|feature.?id|run|imsms.?id",
    "participant_id": r"(host.?)?(subject|participant|patient|person|individual)"
    r"(.?(id|code|name))?",
    "household_id": r"(house.?hold|house|home|family|fam|pair|couple|cage|block|twin.?pair)"
    r"(.?(id|no|number|code|name))?",
    "group": r"(study.?)?group|disease|diagnosis|status|case.?control|condition|phenotype|"
    r"disease.?(status|state)",
    "sex": r"(host.?)?sex|gender",
    "age": r"(host.?)?age(.?(years?|yrs|at.?sampling))?",
    "bmi": r"(host.?)?(bmi|body.?mass.?index)",
    "site": r"site|cent(er|re)|study.?site|city|location|hospital",
    "country": r"country|nation|geo.?loc.?name",
    "course": r"(disease.?)?(course|subtype)|ms.?type",
    "treatment": r"treatments?|therapy|drug|medication|dmt",
    "onset_age": r"(age.?(at|of).?)?onset(.?age)?",
    "duration": r"(disease.?)?duration",
    "edss": r"edss(.?score)?",
    "msss": r"u?(g)?msss",
    "smoking": r"smok(e|er|ing)(.?status)?",
    "visit": r"visit|time.?point|time|(months?|weeks?|days?|years?)(.?(no|number))?",
    "kit": r"(collection|sampling|extraction)?.?kit",
    "batch": r"(pcr.?)?(batch|plate|run.?prefix)",
}
"""Our name of a column -> pattern of names in common use."""

PARTS = {
    "household_id": {"household", "home", "house", "family", "fam", "pair", "couple", "twin"},
    "participant_id": {"subject", "participant", "patient"},
    "group": {"diagnosis", "disease", "case", "status"},
    "sex": {"sex", "gender"},
    "age": {"age"},
    "bmi": {"bmi"},
    "site": {"site", "center", "centre", "hospital"},
    "visit": {"visit", "timepoint"},
}
"""Our name of a column -> words that a longer name for it may hold."""

PRIVATE = {
    *("zip", "zipcode", "postal", "postcode", "address", "street", "phone", "telephone", "email"),
    *("name", "firstname", "lastname", "surname", "initials", "ssn", "mrn", "barcode"),
    *("date", "dob", "birth", "birthdate", "birthday", "latitude", "longitude", "ip"),
}
"""Words in the names of columns that can tell who somebody is."""

DIET = {
    "hei_total": r"hei.?(2015|2010)?.?(total)?.?(score)?|healthy.?eating.?index.*",
    "energy": r"(total.?)?(energy|calories|kcal)\b.*",
    "fibre": r"(dietary.?|total.?)?fib(re|er)\b.*",
    "fruit": r"(total.?)?fruits?\b.*",
    "vegetables": r"(total.?)?vegetables?\b.*",
    "meat_eggs_beans": r"meat\b.*eggs?\b.*beans?\b.*",
    "vitamin_c": r"(vitamin|vit\.?)[ ._]?c\b.*|ascorb.*",
}
ACID_NAMES = {
    "acetate": r"acet(ate|ic.?acid)",
    "propionate": r"propion(ate|ic.?acid)",
    "butyrate": r"(n-?)?butyr(ate|ic.?acid)",
    "valerate": r"(n-?)?valer(ate|ic.?acid)",
    "hexanoate": r"hexano(ate|ic.?acid)|capro(ate|ic.?acid)",
    "isobutyrate": r"iso-?butyr(ate|ic.?acid)",
    "isovalerate": r"iso-?valer(ate|ic.?acid)",
    "2-methylbutyrate": r"2-?methyl-?butyr(ate|ic.?acid)",
}
VISITS = {
    "visit": r"visits?|time.?point|months?(.?from.?baseline)?|time|years?|weeks?|days?",
    "relapses": r"(n.?|number.?of.?)?relapses?",
    "new_lesions": r"(new.?)?(t2.?|gd.?)?lesions?",
    "hei_total": DIET["hei_total"],
    **{name: NAMES[name] for name in ("treatment", "edss", "smoking", "bmi")},
}
PATTERNS = {
    "diet": DIET,
    "stool": ACID_NAMES,
    "serum": ACID_NAMES,
    "metabolites": ACID_NAMES,
    "visits": VISITS,
}

CONTROL_WORDS = (  # words for somebody who is well
    r"(healthy|normal|well|unaffected|hh?c|ctrl|control|partner|spouse|non.?ibd|no|none|0|false|h)"
    r"([ ._-]?(control|donor|volunteer|subject)s?)?"
)
LEVEL_WORDS = {
    "sex": {"female": "f|female|woman|w|girl", "male": "m|male|man|boy"},
    "course": {
        "RRMS": r"rr(ms)?|relapsing.*",
        "SPMS": r"sp(ms)?|secondary.*",
        "PPMS": r"pp(ms)?|primary.*",
    },
    "treatment": {
        "untreated": r"un.?treated|none|no|naive|no.?therapy",
        "interferon": r".*interferon.*|ifn.*|avonex|rebif|betaseron|plegridy",
        "dimethyl_fumarate": r".*fumarate.*|dmf|tecfidera|bg.?12",
        "fingolimod": r"fingolimod|gilenya|fty720",
        "glatiramer": r"glatiramer.*|copaxone|ga",
        "natalizumab": r"natalizumab|tysabri|ntz",
        "anti_cd20": r"ocrevus.*|ocrelizumab|rituximab|rituxan|ofatumumab|anti.?cd20",
    },
    "smoking": {
        "never": r"never.*|non.?smoker",
        "former": r"former.*|ex.?smoker|past|previous",
        "current": r"current.*|smoker|active",
    },
}
"""Our column -> our level -> words in common use."""

MISSING_WORDS = (
    *("na", "n/a", "nan", "none", "null", "\\n", "unspecified", "not specified"),
    *("unknown", "?", "-", ".", "-9", "-99", "-999"),
)
