# What pbkrtest and lmerTest say by Kenward and Roger; run from the repository root after lmer.R:
# Rscript tests/oracles/kenward_roger.R. Reads lmer_data.tsv, writes kenward_roger.tsv and
# kenward_roger_terms.tsv.
suppressPackageStartupMessages({ library(lme4); library(lmerTest); library(pbkrtest) })
people <- read.delim("tests/oracles/lmer_data.tsv")
people$group <- factor(people$group, levels = c("control", "MS"))
people$sex <- factor(people$sex, levels = c("male", "female"))
few <- people[people$household_id %in% unique(people$household_id)[c(1:9, 54:57, 68, 70)], ]
pairs <- people[people$household_id %in% names(which(tapply(
  people$group, people$household_id, function(g) length(g) == 2 && g[1] != g[2]))), ]
control <- lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE,
  optCtrl = list(ftol_abs = 1e-12, xtol_abs = 1e-12, ftol_rel = 1e-15, xtol_rel = 1e-12, maxeval = 1e5))
ours <- function(names) gsub("(group|site|sex)([A-Z]|female|male)([A-Za-z ]*)", "\\1[\\2\\3]",
                             sub("^\\(Intercept\\)$", "Intercept", names))
features <- c("middle", "small", "high", "unlike", "gaps")
sets <- list(adjusted = list(people, "group + site + age + bmi + sex"),
             few = list(few, "group + age + sex"), pairs = list(pairs, "group"))
coefficients <- terms <- NULL
for (set in names(sets)) for (f in features) {
  data <- sets[[set]][[1]]
  data <- data[!is.na(data[[f]]), ]
  fit <- suppressMessages(lmer(as.formula(paste(f, "~", sets[[set]][[2]], "+ (1 | household_id)")),
                               data, control = control))
  found <- coef(summary(fit, ddf = "Kenward-Roger"))
  coefficients <- rbind(coefficients, data.frame(set = set, fixed = sets[[set]][[2]], feature = f,
    coefficient = ours(rownames(found)), std_error = found[, "Std. Error"], df = found[, "df"],
    p_value = found[, "Pr(>|t|)"], singular = isSingular(fit, tol = 1e-6), row.names = NULL))
  if (set != "pairs") {
    joint <- anova(fit, type = "III", ddf = "Kenward-Roger")
    terms <- rbind(terms, data.frame(set = set, fixed = sets[[set]][[2]], feature = f,
      term = rownames(joint), statistic = joint$`F value`, df = joint$DenDF,
      p_value = joint$`Pr(>F)`))
  }
}
write <- function(table, name) {
  digits <- sapply(table, is.numeric)
  table[digits] <- lapply(table[digits], function(x) sprintf("%.12g", x))
  write.table(table, file.path("tests/oracles", name), sep = "\t", quote = FALSE, row.names = FALSE)
}
write(coefficients, "kenward_roger.tsv")
write(terms, "kenward_roger_terms.tsv")
writeLines(c(R.version.string, sapply(c("lme4", "lmerTest", "pbkrtest"), function(p)
  paste(p, packageVersion(p)))), "tests/oracles/kenward_roger_versions.txt")
