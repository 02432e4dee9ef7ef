"""The replay witness: runs a submission at toy size in a sandbox and proves or refutes compliance by experiment.

The parent process (this package without `inside`) makes the toy world, starts the sandbox, compares runs and
owns the verdict. `inside` is what runs in the sandbox beside the submission; torch is imported only there.
"""
