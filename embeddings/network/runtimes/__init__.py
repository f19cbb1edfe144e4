"""What computes the network: OpenVINO on a CPU, torch for training and on CUDA devices."""
