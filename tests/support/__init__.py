"""What tests share. `tests/test_mutants.py` holds this map against the folder.

Facts and evidence, as literals of a few lines

- `build`: observations, and evidence made of them
- `calls`: signed calls with credentials, padded requests and proxies; the rest is `build`'s
- `configured`: what EC2 and Route 53 say in the world of `build`
- `cases`: what a single rule sees, and what it reports of it
- `ladders`: the ladder of each service of the catalogue
- `fakes`: stand-ins for the seams of `probes.seams`
- `sample_facts`: a configuration as `backuplink facts` reads it
- `cloudformation`: templates, read and resolved with parameters

Runs in the simulated world

- `scenarios`: all scenarios of the repository, by name
- `runs`: scenarios that run once, and are kept for the tests that check them
- `generated`: scenarios drawn by a seed, most of them with several faults
- `planted_scenarios`: scenarios with secrets in them
- `joined`: what a scenario lacks so that the reads ask about a peering and a transit gateway
- `virtual`: a watch in virtual time
- `moto_server`: moto, and a server that answers as it is told, over real sockets

Large and joined things

- `large_plans`: plans that give one security group thousands of rules
- `large_vpc`: a shared VPC of 500 subnets
- `large_account`: an account of many VPCs
- `small_account`: a VPC of a small account, with the endpoints that a test names
- `differing_vpc`: that VPC, in which every group, table, network ACL and policy differs
- `many_services`: a VPC with endpoints of many services
- `many_lanes`: a report with hundreds of lanes
- `estates`: thousands of records of hosts with known faults, by a seed
- `organizations`: hosts with known faults in accounts and Regions of another shape, to measure the engine with
- `fleets`: a fleet that is written by hand, for formats
- `histories`: a history of a week

The program, and what it writes

- `command`: the command in a process of its own
- `outputs`: a request with another output
- `validator`: documents against the schema of the report
- `refusals`: what a refusal of each kind of document must be
- `aws_commands`: whether the AWS CLI takes a command
- `windows`: `probes` as on Windows

What must not come out

- `planted`: secrets that tests plant, and the search for them
- `planting`: documents in which every text holds a secret
- `secret_kinds`: a hundred kinds of secrets, as logs and settings hold them
- `untrusted`: reports in which every text is untrusted

The repository

- `extent`: how many cases a session covers
- `repository`: where the checkout lies, and what git says of it
- `recipe`: what CONTRIBUTING's recipe for a finding asks for
- `rooms`: which tests prove a room, as CONTRIBUTING says
"""
