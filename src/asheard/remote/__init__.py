"""Train and transcribe on other machines: over ssh, on rented pods, or on a Ray cluster.

`asheard.remote.executors` turns the name of an executor into the object that runs the training. Renting and terminating
pods (`asheard.remote.runpod.pods`) does not import PyTorch.
"""
