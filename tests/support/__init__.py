"""Helpers that tests share. `tests/test_mutants.py` compares this list with the folder.

Facts and evidence, as literals of a few lines

- `build`: observations, and evidence that consists of them
- `calls`: signed calls with credentials, padded requests and proxies; other observations are in `build`
- `configured`: the answers of EC2 and Route 53 in the world of `build`
- `cases`: cases of single rules, each with its input
- `ladders`: the ladder of each service of the catalogue
- `fakes`: stand-ins for the seams of `probes.seams`
- `sample_facts`: a configuration as `backuplink facts` reads it
- `cloudformation`: templates, read and resolved with parameters

Runs in the simulated world

- `scenarios`: all scenarios of the repository, by name
- `runs`: scenarios that run once, with their results kept for the tests
- `generated`: scenarios drawn at random from a seed, most of them with several faults
- `planted_scenarios`: scenarios with secrets in them
- `joined`: lines for a scenario with which the reads also ask about a peering and a transit gateway
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
- `estates`: thousands of records of hosts with known faults, generated from a seed
- `organizations`: hosts with known faults, laid out differently from `estates`, to measure the engine
- `fleets`: a fleet written by hand, for the formats
- `histories`: a history of a week

The program, and what it writes

- `command`: the command in a separate process
- `outputs`: requests with a different output
- `sections`: golden files with a section for each case
- `validator`: checks documents against the schema of the report
- `refusals`: checks the refusal of each kind of document
- `aws_commands`: checks whether the AWS CLI accepts a command
- `windows`: `probes` as on Windows

What must never be printed

- `planted`: secrets that tests plant, and the search for them
- `planting`: documents in which every text contains a secret
- `secret_kinds`: a hundred kinds of secrets, as they occur in logs and settings
- `untrusted`: reports in which every text is untrusted

The repository

- `extent`: how many cases a session covers
- `repository`: the checkout's folder, and calls of git in it
- `recipe`: the places that CONTRIBUTING's recipe for a finding lists
- `rooms`: the tests that prove each room, according to CONTRIBUTING
"""
