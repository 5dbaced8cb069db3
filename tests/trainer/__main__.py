"""Checks of train/ that tests/train.sh runs; each exits with an error if something is wrong.

  pictures DIR            draw pictures to train on
  fixed                   fixed point of the reference against floating point
  randomness              random numbers: their distribution, and that they depend on all that they should
  fused                   gains, biases and gates against PyTorch's own derivatives
  optimiser               Muon and AdamW, all weights in one tensor, against the textbook, weight by weight
  schedule                how budgets are spent
  packs DIR WORK          packs: their size, their order, what lies in them
  cuts PACK               crops, resized crops and whole pictures against the pictures they are of
  odd                     a network sees the border of a picture on a larger canvas as it sees that of the tensor
  updates                 what a step's noise says of x_0, and the losses that updates are trained by
  network MODEL DUMP      net_dump (the C network) against the reference, value for value
  precision PACK RUN      what the network is computed in
  same A B                two runs' checkpoints hold the same bits
  pieces RUN              checkpoints of every kind, in pieces, and one that is not whole
  plan MODEL              the tables and the plan of a model file
  cost REPORT             what the integers cost, from export.py's report
  restored MODEL A B      weights read back from a model file: near run A's, and what run B began with
  parts MODEL             two networks, each where it belongs
  measure RUN MODEL DIR
"""
import sys

from data import cuts, packs, pictures
from exported import cost, measure, network, parts, plan, restored
from learning import odd, optimiser, schedule, updates
from numeric import fixed, fused, randomness
from runs import pieces, precision, same

CHECKS = {check.__name__: check for check in (
    pictures, fixed, randomness, fused, optimiser, schedule, packs, cuts, odd, updates, network, precision, same, pieces,
    plan, cost, restored, parts, measure)}

if __name__ == "__main__":
    CHECKS[sys.argv[1]](*sys.argv[2:])
