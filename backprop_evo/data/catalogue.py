"""The data sets by name: what they contain, and the checksums by which a copy is known to be right.

``sha256`` names, for each of the four arrays, the SHA-256 of its bytes in C order: images uint8 (N, C, H, W),
labels uint8 (N,). ``file_md5`` names the MD5 of the files in which the sources publish them (uncompressed,
where the source may compress them); a file whose sum is not listed is never read.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from backprop_evo.errors import UnknownDataset

ARRAYS = ("train.images", "train.labels", "test.images", "test.labels")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatasetInfo:
    """One row of the catalogue. ``shape``: (C, H, W); ``validation_one_in``: see ``validation_indices``."""

    name: str
    title: str
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    train_images: int
    test_images: int
    validation_images: int
    validation_one_in: int = 10
    bundled: bool = False
    sha256: Mapping[str, str] = field(default_factory=dict)
    file_md5: Mapping[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> int:
        """K, the number of classes."""
        return len(self.class_names)

    def array_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each of ``ARRAYS``."""
        return {
            "train.images": (self.train_images, *self.shape),
            "train.labels": (self.train_images,),
            "test.images": (self.test_images, *self.shape),
            "test.labels": (self.test_images,),
        }

    @property
    def size_bytes(self) -> int:
        """Bytes of the four arrays together."""
        pixels = self.shape[0] * self.shape[1] * self.shape[2]
        return (self.train_images + self.test_images) * (pixels + 1)


def names() -> tuple[str, ...]:
    """All names of the catalogue, the bundled one first."""
    return tuple(_CATALOGUE)


def dataset_info(name: str) -> DatasetInfo:
    """The row of ``name``. Raises ``UnknownDataset``, which lists the names and suggests the nearest."""
    try:
        return _CATALOGUE[name]
    except KeyError:
        near = difflib.get_close_matches(name.lower(), _CATALOGUE, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownDataset(
            f"there is no data set named {name!r}", hint=f"{hint}known: {', '.join(_CATALOGUE)}"
        ) from None


def _arrays(train_images: str, train_labels: str, test_images: str, test_labels: str) -> Mapping[str, str]:
    sums = (train_images, train_labels, test_images, test_labels)
    return MappingProxyType(dict(zip(ARRAYS, sums, strict=True)))


_CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip

_CIFAR100_CLASSES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl",
    "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair",
    "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin",
    "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp",
    "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck",
    "pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
    "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger",
    "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree",
    "wolf", "woman", "worm",
)  # fmt: skip

_FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

_ROWS = (
    DatasetInfo(
        name="cifar10-mini",
        title="5,500 CIFAR-10 images that come with the package: the first 500 + 50 of each class",
        shape=(3, 32, 32),
        class_names=_CIFAR10_CLASSES,
        train_images=5_000,
        test_images=500,
        validation_images=1_000,
        validation_one_in=5,
        bundled=True,
        sha256=_arrays(
            "6ad228f4abf1c9334cfde3111dd2cf54fdb92845c6641dde15523807850e9491",
            "82b397643bd8851eecd4bf04f74438bf4aeeb7d1f9074791252a04fd9277c0f3",
            "9bc54919dd26fb31d13e41be1c4e91e9f757f0385e9adda3184bce27358ed42d",
            "ef05233573cbaa3aef37039dda9546f3232a1e96050a39502b89413dc8c9e952",
        ),
    ),
    DatasetInfo(
        name="cifar10",
        title="CIFAR-10 (Krizhevsky 2009): 60,000 colour photographs in 10 classes",
        shape=(3, 32, 32),
        class_names=_CIFAR10_CLASSES,
        train_images=50_000,
        test_images=10_000,
        validation_images=5_000,
        sha256=_arrays(
            "9d5c2eddadb0deff02c14c350c0385aab7b1d5ff1edfeb4997c8dc8644960111",
            "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
            "177777c33ba79825320efa646ad04a94bdc3c80e4ebe3bd21724f8cdfd4b9d56",
            "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
        ),
        file_md5=MappingProxyType(
            {
                "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
                "data_batch_1": "c99cafc152244af753f735de768cd75f",
                "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
                "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
                "data_batch_4": "634d18415352ddfa80567beed471001a",
                "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
                "test_batch": "40351d587109b95175f43aff81a1287e",
            }
        ),
    ),
    DatasetInfo(
        name="cifar100",
        title="CIFAR-100 (Krizhevsky 2009): 60,000 colour photographs in 100 classes (fine labels)",
        shape=(3, 32, 32),
        class_names=_CIFAR100_CLASSES,
        train_images=50_000,
        test_images=10_000,
        validation_images=5_000,
        file_md5=MappingProxyType(
            {
                "cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85",
                "train": "16019d7e3df5f24257cddd939b257f8d",
                "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
            }
        ),
    ),
    DatasetInfo(
        name="mnist",
        title="MNIST (LeCun, Cortes, Burges 1998): 70,000 handwritten digits",
        shape=(1, 28, 28),
        class_names=tuple("0123456789"),
        train_images=60_000,
        test_images=10_000,
        validation_images=5_996,
        sha256=_arrays(
            "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
            "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
            "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        ),
        file_md5=MappingProxyType(
            {
                "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
                "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
                "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
                "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
            }
        ),
    ),
    DatasetInfo(
        name="fashion-mnist",
        title="Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 70,000 pieces of clothing",
        shape=(1, 28, 28),
        class_names=_FASHION_CLASSES,
        train_images=60_000,
        test_images=10_000,
        validation_images=6_000,
        sha256=_arrays(
            "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
            "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
            "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
            "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        ),
        file_md5=MappingProxyType(
            {
                "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
                "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
                "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
                "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
            }
        ),
    ),
)

_CATALOGUE: Mapping[str, DatasetInfo] = MappingProxyType({row.name: row for row in _ROWS})
