"""What the product can be asked for, without torch."""

from backprop_evo.service.driving import drive_once, load_progress
from backprop_evo.service.evaluation_specs import evaluation_spec_to_json, parse_evaluation_spec
from backprop_evo.service.specs import parse_search_spec, search_spec_to_json
from backprop_evo.service.use_cases import Service, utc_now

__all__ = [
    "Service",
    "drive_once",
    "evaluation_spec_to_json",
    "load_progress",
    "parse_evaluation_spec",
    "parse_search_spec",
    "search_spec_to_json",
    "utc_now",
]
