"""OpenCV's part."""

import cv2
import numpy as np


class OpenCv:
    """See `Tools`."""

    def reduce(self, frame: np.ndarray, factor: int) -> np.ndarray:
        """In float32: whole numbers would be rounded."""
        return self.shrink(frame.astype(np.float32), factor)

    def shrink(self, image: np.ndarray, factor: int) -> np.ndarray:
        size = (image.shape[1] // factor, image.shape[0] // factor)
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA)

    def blur(self, image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (7, 7), 0.8)

    def blur_much(self, image: np.ndarray) -> np.ndarray:
        return cv2.blur(image, (25, 25))

    def move(self, image: np.ndarray, rows: float, columns: float) -> np.ndarray:
        matrix = np.array([[1.0, 0.0, -columns], [0.0, 1.0, -rows]])
        return cv2.warpAffine(image, matrix, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)

    def add_up(self, coefficients: np.ndarray, terms: np.ndarray, pitch: int) -> np.ndarray:
        size = (coefficients.shape[1] * pitch, coefficients.shape[0] * pitch)
        total = np.zeros(terms.shape[1:], np.float32)
        for k, term in enumerate(terms):
            field = cv2.resize(np.ascontiguousarray(coefficients[:, :, k]), size)
            cv2.accumulateProduct(field, term, total)
        return total
