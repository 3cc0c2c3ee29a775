"""The harness of the cluster tests, made importable: there is one mechanism."""
import os
import sys

CLUSTER_LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cluster", "lib")
if CLUSTER_LIB not in sys.path:
    sys.path.insert(0, CLUSTER_LIB)
