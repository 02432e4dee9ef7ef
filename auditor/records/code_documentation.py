"""What each finding code of the records validator says, and what to do about it: `auditor explain CODE`."""

from __future__ import annotations

from collections.abc import Mapping

CODE_DOCUMENTATION: Mapping[str, tuple[str, str]] = {
    "missing_readme": (
        "The folder has no README.",
        "Write one: what is new, what it builds on, how to run it.",
    ),
    "missing_submission_json": (
        "The folder has no submission.json.",
        "`auditor init` writes one with every field.",
    ),
    "missing_train_gpt": (
        "The folder has no train_gpt.py.",
        "Call the script that a run starts train_gpt.py.",
    ),
    "missing_logs": (
        "No log of the folder prints a score.",
        "Copy the logs of the claimed runs into the folder; the challenge's .gitignore leaves out logs/.",
    ),
    "missing_claim": (
        "submission.json states no bits per byte.",
        "Put the mean of the runs under val_bpb, as a number.",
    ),
    "json_invalid": ("submission.json is no strict JSON.", "Mend the place that is named."),
    "fewer_than_3_seeds": (
        "Fewer than three logs print a score; a failure where the entry claims several seeds.",
        "Add the logs of the other seeds, or claim the ones that are there.",
    ),
    "folder_name": ("The folder is not called YYYY-MM-DD_Name.", "Rename it."),
    "duplicate_log": ("Two files are the same log, byte for byte; it is counted once.", "Keep one of them."),
    "multiple_log_sets": (
        "Logs lie in several folders.",
        "Say in the README which runs make up the claim.",
    ),
    "smoke_section": (
        "A log holds a smoke run beside the run; its numbers do not count.",
        "Nothing has to be done.",
    ),
    "std_is_population": (
        "The stated deviation divides by n.",
        "State the sample deviation, which divides by n - 1; the tests use it.",
    ),
    "claim_not_in_logs": (
        "The claimed number is no value, mean or mean of some of what the logs print.",
        "Claim what the logs print, or add the logs that print it.",
    ),
    "mean_mismatch": (
        "The headline is not the mean of the seeds that submission.json lists.",
        "Put the mean there, or say which seeds it is of.",
    ),
    "implausible_claim": (
        "The claimed number is outside of what text can cost.",
        "Look at the unit and at what the number divides by.",
    ),
    "seed_bpb_mismatch": (
        "A seed's number in submission.json stands nowhere in the log of that seed.",
        "Copy it from the log.",
    ),
    "seed_bytes_mismatch": (
        "A seed's bytes in submission.json are none of the totals that its log prints.",
        "State code and compressed model together, as the log does.",
    ),
    "p_value_wrong": (
        "A stated p-value does not follow from the scores.",
        "Recompute it: `auditor stats compare OLD NEW`.",
    ),
    "nats_unit_error": (
        "A difference in bits per byte is stated as nats, or the other way.",
        "`auditor stats compare` gives both.",
    ),
    "claim_is_single_seed": (
        "The claim is one of several logs and not their mean.",
        "Claim the mean, or say why the other runs do not count.",
    ),
    "val_loss_mismatch": (
        "val_loss is not that of the claimed lines.",
        "Copy it from the lines that the claim is of.",
    ),
    "bytes_mismatch": ("The stated bytes are none that the logs print.", "Copy the total from the log."),
    "unit_error": (
        "Bits per byte stand where a loss in nats belongs.",
        "Put bits per byte under val_bpb and the loss under val_loss.",
    ),
    "code_size_differs": (
        "The log counts code of another size than the folder ships: it was edited afterwards, or another version ran.",
        "Ship the code that ran.",
    ),
    "code_differs_from_log": (
        "The script that a log prints is none of the folder's.",
        "Ship the script that ran.",
    ),
    "log_of_other_code": (
        "The log behind the claim has lines that the shipped script cannot print, so it was made by other code.",
        "Ship the script that made the log, or the log that the script makes.",
    ),
    "packed_code_counted": (
        "The log counts packed code, and the folder ships it readable.",
        "Nothing has to be done while both stay under the cap.",
    ),
    "world_size": (
        "A run was not on eight GPUs; the limits are for these.",
        "Run it on eight, or say so in the README.",
    ),
    "near_duplicate_logs": (
        "Logs of different seeds agree to the last digit in losses or measurements that seeds change.",
        "Run each seed and ship the log that it made.",
    ),
    "loss_bpb_incoherent": (
        "Loss and bits per byte give different tokens per byte in two places; one split has one ratio.",
        "Find which line divides by other bytes.",
    ),
    "size_identity_broken": (
        "The total is not code plus model.",
        "Print all three from the files that are shipped.",
    ),
    "artifact_over_cap": (
        "Code and compressed model are more than 16,000,000 bytes.",
        "Make the model smaller; the cap is decimal.",
    ),
    "stub_train_gpt": (
        "train_gpt.py only starts another file; a failure where the claimed bytes leave that out.",
        "Count every file that the script loads.",
    ),
    "total_size_missing": ("No total of code and model is printed.", "Print it at the end of a run."),
    "train_just_over_600s": (
        "Training ended within 1.5 s after 600 s: the cap is checked after a step.",
        "Nothing has to be done.",
    ),
    "train_over_600s": ("Training took more than 601.5 s.", "Stop earlier; calibration counts too."),
    "eval_over_600s": ("Evaluation took more than 600 s.", "Make it shorter; it has a limit of its own."),
    "gptq_after_600s": (
        "Training and the quantiser's calibration together took more than 600.5 s.",
        "Reserve time for calibration in the training's clock.",
    ),
    "same_seed_fingerprint": (
        "Logs that claim different seeds share the losses of their first steps.",
        "Run each seed; equal seeds are no sample.",
    ),
    "same_seed": ("All logs print one seed.", "Run different seeds; equal seeds are no sample."),
    "seed_name_mismatch": (
        "A log's name says another seed than the log prints.",
        "Rename the file, or ship the right one.",
    ),
    "seeds_left_out": (
        "The claimed mean leaves out logs of other seeds, all of them worse.",
        "Claim the mean of all, or say why some do not count.",
    ),
    "improvement_not_significant": (
        "The gain over the record of the date is below the margin of 0.005 nats per token, or not significant at 0.01.",
        "More seeds, or a larger gain: `auditor preflight` says which.",
    ),
    "implied_bytes": (
        "Loss, bits per byte and the number of tokens give other bytes than those of the validation split.",
        "Divide by the bytes of the decoded text; the finding has the corrected number.",
    ),
    "mangled_space_marker": (
        "The code that counts bytes looks for a damaged form of sentencepiece's space marker U+2581.",
        "Write the marker as \\u2581.",
    ),
    "tokenizer_dataset_mismatch": (
        "The tokenizer's vocabulary is not that of the data.",
        "Use the tokenizer that made the tokens.",
    ),
    "partial_val": (
        "Not the whole validation split was scored, or another text.",
        "Score all 50,000 documents.",
    ),
    "metric_not_ce": (
        "The claimed number is that of a mixture and not the cross-entropy of the model.",
        "Show that it is one normalised distribution; a person looks at it.",
    ),
    "multi_folder_pr": ("The pull request adds several folders.", "One entry a pull request."),
    "other_paths_changed": (
        "The pull request touches files outside of its folder.",
        "Take these changes out of it.",
    ),
    "existing_record_changed": (
        "The pull request changes a folder that stands already.",
        "Leave other entries as they are.",
    ),
    "wrong_track": (
        "The folder stands under no track.",
        "Move it below records/track_10min_16mb or its non-record twin.",
    ),
    "val_in_training": (
        "A log or a file shows validation data among the training data.",
        "Train on the training shards alone.",
    ),
}
"""Code → what it says, what to do. Every code of `findings.CODES` has one."""
