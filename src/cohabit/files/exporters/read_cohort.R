# Read an exported cohort into R: a phyloseq object, or a list of its parts without phyloseq.
#
#   source("read_cohort.R")
#   cohort <- read_cohort(".")                  # the folder of this file
#   cohort <- read_cohort(".", assay = "16s")   # of two assays, one
#
# `metadata.tsv` also lists people without a library; phyloseq keeps those with counts.

read_table <- function(path) {
  read.delim(path, row.names = 1, check.names = FALSE, quote = "\"", comment.char = "",
             na.strings = "", stringsAsFactors = FALSE, encoding = "UTF-8")
}

read_cohort <- function(folder = ".", assay = NULL) {
  if (is.null(assay)) {
    assay <- Filter(function(a) file.exists(file.path(folder, paste0(a, ".tsv"))),
                    c("shotgun", "16s"))[1]
  }
  counts <- as.matrix(read_table(file.path(folder, paste0(assay, ".tsv"))))
  taxa <- as.matrix(read.delim(file.path(folder, "taxonomy.tsv"), row.names = 1, quote = "\"",
                               na.strings = "", colClasses = "character"))
  taxa <- taxa[rownames(counts), , drop = FALSE]
  people <- read_table(file.path(folder, "metadata.tsv"))
  people <- people[colnames(counts), , drop = FALSE]
  path <- file.path(folder, "tree.nwk")
  has_tree <- assay == "16s" && file.exists(path) && requireNamespace("ape", quietly = TRUE)
  tree <- if (has_tree) ape::read.tree(path) else NULL
  if (!requireNamespace("phyloseq", quietly = TRUE)) {
    return(list(counts = counts, taxonomy = taxa, samples = people, tree = tree))
  }
  parts <- list(phyloseq::otu_table(counts, taxa_are_rows = TRUE), phyloseq::tax_table(taxa),
                phyloseq::sample_data(people))
  do.call(phyloseq::phyloseq, c(parts, if (is.null(tree)) NULL else list(phyloseq::phy_tree(tree))))
}
