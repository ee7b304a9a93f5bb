"""Helpers that tests share. `tests/test_mutants.py` compares this list with the folder.

Facts and evidence, as literals of a few lines

- `build`: observations, and evidence made of them
- `calls`: signed calls with credentials, padded requests and proxies; `build` has the rest
- `configured`: the answers of EC2 and Route 53 in the world of `build`
- `cases`: the input of a single rule, and the finding it must report
- `ladders`: the ladder of each service of the catalogue
- `fakes`: stand-ins for the seams of `probes.seams`
- `sample_facts`: a configuration as `backuplink facts` reads it
- `cloudformation`: templates, read and resolved with parameters

Runs in the simulated world

- `scenarios`: all scenarios of the repository, by name
- `runs`: scenarios that run once, with their results kept for the tests
- `generated`: scenarios drawn by a seed, most of them with several faults
- `planted_scenarios`: scenarios with secrets in them
- `joined`: what to add to a scenario to make the reads ask about a peering and a transit gateway
- `virtual`: a watch in virtual time
- `moto_server`: moto, and a scripted server, over real sockets

Large and joined things

- `large_plans`: plans that give one security group thousands of rules
- `large_vpc`: a shared VPC of 500 subnets
- `large_account`: an account of many VPCs
- `small_account`: a VPC of a small account, with endpoints chosen by the test
- `differing_vpc`: the large VPC, with every group, table, network ACL and policy different
- `many_services`: a VPC with endpoints of many services
- `many_lanes`: a report with hundreds of lanes
- `estates`: thousands of records of hosts with known faults, by a seed
- `organizations`: hosts with known faults, laid out differently from `estates`, to measure the engine
- `fleets`: a fleet written by hand, for the formats
- `histories`: a history of a week

The program, and what it writes

- `command`: the command in a process of its own
- `outputs`: requests with a different output
- `sections`: golden files with a section for each case
- `validator`: checks documents against the schema of the report
- `refusals`: checks the refusal of each kind of document
- `aws_commands`: tells whether the AWS CLI accepts a command
- `windows`: `probes` as on Windows

What must never be printed

- `planted`: secrets that tests plant, and the search for them
- `planting`: documents in which every text holds a secret
- `secret_kinds`: a hundred kinds of secrets, as logs and settings hold them
- `untrusted`: reports in which every text is untrusted

The repository

- `extent`: how many cases a session covers
- `repository`: the checkout's folder, and calls of git in it
- `recipe`: the places that CONTRIBUTING's recipe for a finding lists
- `rooms`: the tests that prove each room, according to CONTRIBUTING
"""
