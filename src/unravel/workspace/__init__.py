"""Where the learner works: the folder with their files, and the record of what they did."""
