"""The front door: names imported on first use, from where they live (SPEC 1)."""

__version__: str

from .data.cohort import Cohort as Cohort
from .experiments.planner import estimate_power as estimate_power
from .experiments.realism import fit_template as fit_template
from .files.storage import read_cohort as read_cohort
from .files.storage import write_cohort as write_cohort
from .run.results import open_run as open_run
from .run.results import read_reference as read_reference
from .simulate import PopulationDesign as PopulationDesign
from .simulate import StudyDesign as StudyDesign
from .simulate import simulate_cohort as simulate_cohort
from .simulate import simulate_population as simulate_population
from .stats.abundance import compare_abundance as compare_abundance
from .stats.association import partial_spearman as partial_spearman
from .stats.composition import arcsine_sqrt as arcsine_sqrt
from .stats.composition import clr as clr
from .stats.composition import filter_features as filter_features
from .stats.composition import relative_abundance as relative_abundance
from .stats.diversity import aitchison as aitchison
from .stats.diversity import bray_curtis as bray_curtis
from .stats.diversity import faith_pd as faith_pd
from .stats.diversity import jaccard as jaccard
from .stats.diversity import pcoa as pcoa
from .stats.diversity import shannon as shannon
from .stats.diversity import unweighted_unifrac as unweighted_unifrac
from .stats.diversity import weighted_unifrac as weighted_unifrac
from .stats.mixed import fit_household_model as fit_household_model
from .stats.mixed import fit_repeated_model as fit_repeated_model
from .stats.nonparametric import sign_flip_test as sign_flip_test
from .stats.paired import fit_paired_model as fit_paired_model
from .stats.permanova import dispersion as dispersion
from .stats.permanova import pairwise_permanova as pairwise_permanova
from .stats.permanova import permanova as permanova
from .stats.prediction import predict_group as predict_group
