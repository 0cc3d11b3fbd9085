"""What stands around a child that runs learner code: limits, namespaces, landlock, seccomp. Each in its own file.

The zygote builds everything that takes time once (the landlock ruleset, the seccomp program); a child only enters.
"""
