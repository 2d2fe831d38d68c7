"""The child networks: ``build`` makes one from its name, ``wide_resnet`` holds the paper's."""
