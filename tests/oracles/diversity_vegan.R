# Diversity of diversity_counts.tsv by vegan; writes diversity_vegan.json.
# Run in this folder: Rscript diversity_vegan.R
suppressMessages(library(vegan))
library(jsonlite)
counts <- as.matrix(read.delim("diversity_counts.tsv", row.names = 1, check.names = FALSE))
shares <- counts / rowSums(counts)
bray <- vegdist(shares, "bray")
axes <- wcmdscale(bray, k = 3, eig = TRUE)
positive <- axes$eig[axes$eig > 0]
answer <- list(
  vegan = as.character(packageVersion("vegan")),
  shannon = diversity(counts, "shannon"),
  observed = specnumber(counts),
  chao1 = estimateR(counts)["S.chao1", ],
  bray_curtis = as.matrix(bray),
  jaccard = as.matrix(vegdist(counts, "jaccard", binary = TRUE)),
  aitchison = as.matrix(vegdist(counts, "aitchison", pseudocount = 0.5)),
  explained = (positive / sum(positive))[1:3],
  pcoa = axes$points
)
write_json(answer, "diversity_vegan.json", digits = NA, pretty = FALSE, auto_unbox = TRUE)
