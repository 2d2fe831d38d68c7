"""Wide residual networks (Zagoruyko & Komodakis 2016), pre-activation, as the child of the paper's searches.

Parameters with 10 classes and 3 colour channels: WRN-10-1 77,850; WRN-16-2 691,674; WRN-28-10 36,479,194.
An ordinary ``nn.Module``: nothing here knows about equations, ``apply_equation`` does the rest. Not done:
dropout between the two convolutions of a block, which the paper's settings do not use.

Shapes: B sample, C channel, H W space, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from backprop_evo.records.model_names import blocks_per_group


class Block(nn.Module):
    """Two 3×3 convolutions, each after BatchNorm and ReLU; a 1×1 projection where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels_in)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.shortcut: nn.Conv2d | None = None
        if channels_in != channels_out or stride != 1:
            self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C_out, H / stride, W / stride). The projection sees the activated input."""
        h_BCHW = self.relu1(self.norm1(x_BCHW))
        branch_BCHW = self.conv2(self.relu2(self.norm2(self.conv1(h_BCHW))))
        skip_BCHW = x_BCHW if self.shortcut is None else self.shortcut(h_BCHW)
        return torch.add(branch_BCHW, skip_BCHW)


class WideResNet(nn.Module):
    """``depth`` = 6 n + 4 layers in three groups of n blocks, 16·width to 64·width channels wide.

    Raises InvalidSettings where no such depth exists.
    """

    def __init__(self, depth: int, width: int, *, channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        blocks = blocks_per_group(depth, width)
        self.stem = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        groups, channels_in = [], 16
        for channels_out, stride in ((16 * width, 1), (32 * width, 2), (64 * width, 2)):
            group = [Block(channels_in, channels_out, stride)]
            group += [Block(channels_out, channels_out, 1) for _ in range(blocks - 1)]
            groups.append(nn.Sequential(*group))
            channels_in = channels_out
        self.groups = nn.Sequential(*groups)
        self.norm = nn.BatchNorm2d(channels_in)
        self.relu = nn.ReLU()
        self.classifier = nn.Linear(channels_in, classes)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Images (B, C, H, W) → logits (B, K)."""
        h_BCHW = self.relu(self.norm(self.groups(self.stem(x_BCHW))))
        logits_BK: Tensor = self.classifier(h_BCHW.mean(dim=(2, 3)))
        return logits_BK
