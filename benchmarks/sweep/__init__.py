"""Many runs from one YAML file: `python -m benchmarks.sweep FILE.yaml`.

`file` reads and checks the file, `plan` turns it into jobs, each the command line of one `benchmarks.run`; `job`
carries one out in a process of its own (`worker`); `local`, `cluster` (Ray) and `slurm` carry out all; `display` shows
how far they are.
"""
