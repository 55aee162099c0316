# What the line that cohabit prints for an .rds does with a phyloseq object of R.
# Rscript phyloseq_export.R LINE.R: LINE.R holds the printed line, which reads made.rds.
suppressMessages(library(phyloseq))
counts <- outer(1:4, 1:3, function(taxon, sample) 10 * taxon + sample)
dimnames(counts) <- list(paste0("asv", 1:4), c("71401-0001", "71401-0002", "71402-0001"))
ranks <- c("Kingdom", "Phylum", "Class", "Order", "Family", "Genus", "Species")
lineage <- rbind(
  c("Bacteria", "Firmicutes", "Clostridia", "Clostridiales", "Lachnospiraceae", "Dorea", NA),
  c("Bacteria", "Firmicutes", "Clostridia", NA, NA, NA, NA),
  c("Bacteria", "Bacteroidetes", "B", "B", "Bacteroidaceae", "Bacteroides", "ovatus"),
  c("Bacteria", "Verrucomicrobia", "V", "V", "V", "Akkermansia", "muciniphila")
)
dimnames(lineage) <- list(rownames(counts), ranks)
people <- data.frame(
  house = c("h1", "h1", "h2"), status = c("ill", "well", "well"), age = c(41, NA, 40.5),
  row.names = colnames(counts)
)
made <- phyloseq(
  otu_table(t(counts), taxa_are_rows = FALSE), tax_table(lineage), sample_data(people)
)
saveRDS(made, "made.rds")
eval(parse(text = readLines(commandArgs(TRUE)[1])))
cat("R", as.character(getRversion()), "phyloseq", as.character(packageVersion("phyloseq")), "\n")
