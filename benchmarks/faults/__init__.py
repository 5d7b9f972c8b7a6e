"""What survives kills and full disks: a campaign over commands, tasks of the pipeline and its head process."""
