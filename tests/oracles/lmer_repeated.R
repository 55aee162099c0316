# What lme4 and lmerTest say of people seen more than once: Rscript tests/oracles/lmer_repeated.R
# Writes lmer_repeated_data.tsv (the input), lmer_repeated_expected.tsv and _versions.txt beside itself.
suppressPackageStartupMessages({ library(lme4); library(lmerTest) })
options(digits = 17)
set.seed(20261128)
folder <- "tests/oracles"

# 48 households of one to three people with one to four visits each.
members <- sample(1:3, 48, TRUE, c(.15, .7, .15))
home <- rep(sprintf("H%02d", seq_along(members)), members)
person <- sprintf("%s-%d", home, ave(seq_along(home), home, FUN = seq_along))
seen <- sample(1:4, length(person), TRUE, c(.2, .2, .2, .4))
d <- data.frame(household_id = rep(home, seen), participant_id = rep(person, seen))
d$visit <- 12 * (ave(seq_len(nrow(d)), d$participant_id, FUN = seq_along) - 1)
d$sample_id <- sprintf("%s-m%d", d$participant_id, d$visit)
per <- function(x, key) x[match(key, unique(key))]
d$sex <- per(ifelse(runif(length(person)) < .5, "female", "male"), d$participant_id)
d$age <- per(round(rnorm(length(person), 48, 12), 1), d$participant_id) + d$visit / 12
d$drug <- ifelse(runif(nrow(d)) < .4, "on", "off")
d$site <- per(sample(c("Boston", "Edinburgh"), length(members), TRUE), d$household_id)
on <- as.numeric(d$drug == "on")
u <- function(sd) per(rnorm(length(members), 0, sd), d$household_id)
v <- function(sd) per(rnorm(length(person), 0, sd), d$participant_id)
e <- function(sd) rnorm(nrow(d), 0, sd)
d$both <- 5 + .4 * on + u(.7) + v(.9) + e(1)
d$home_alone <- .3 * on + u(1.2) + e(1)
d$person_alone <- .02 * d$age + v(1.2) + e(.8)
d$neither <- e(1)
d$tiny <- 1e-5 * (3 + .5 * on + u(.5) + v(.5) + e(1))
d$large <- 1e4 * (1 + u(2) + v(1) + e(.3))
d$gaps <- d$both + e(.4)
d$gaps[sample(nrow(d), 25)] <- NA
features <- c("both", "home_alone", "person_alone", "neither", "tiny", "large", "gaps")
for (f in features) d[[f]] <- signif(d[[f]], 9)
write.table(d[c("sample_id", "household_id", "participant_id", "visit", "sex", "age", "drug", "site", features)],
            file.path(folder, "lmer_repeated_data.tsv"), sep = "\t", quote = FALSE, row.names = FALSE, na = "")

tight <- lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-13, ftol_abs = 1e-14, maxeval = 1e5),
                     calc.derivs = FALSE)
d$sex <- factor(d$sex, c("male", "female"))
rows <- list()
for (f in features) {
  d$y <- d[[f]] / sd(d[[f]], na.rm = TRUE)
  scale <- sd(d[[f]], na.rm = TRUE)
  m <- suppressMessages(suppressWarnings(
    lmer(y ~ drug + sex + age + site + visit + (1 | household_id) + (1 | participant_id), d, control = tight)))
  s <- suppressMessages(suppressWarnings(coef(summary(m))))
  vc <- as.data.frame(VarCorr(m))
  variance <- setNames(vc$vcov, vc$grp) * scale^2
  rows[[f]] <- data.frame(feature = f, coefficient = rownames(s), estimate = s[, 1] * scale, std_error = s[, 2] * scale,
    df = s[, 3], household_variance = variance[["household_id"]], person_variance = variance[["participant_id"]],
    residual_variance = variance[["Residual"]])
}
out <- do.call(rbind, rows)
out$coefficient <- c("(Intercept)" = "Intercept", drugon = "drug[on]", sexfemale = "sex[female]", age = "age",
                     siteEdinburgh = "site[Edinburgh]", visit = "visit")[out$coefficient]
write.table(out, file.path(folder, "lmer_repeated_expected.tsv"), sep = "\t", quote = FALSE, row.names = FALSE)
writeLines(c(R.version.string, paste("lme4", packageVersion("lme4")), paste("lmerTest", packageVersion("lmerTest"))),
           file.path(folder, "lmer_repeated_versions.txt"))
