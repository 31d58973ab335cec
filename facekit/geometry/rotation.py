"""Rotations as matrices, axis-angle, 6-D and head angles; NumPy and torch alike, gradients finite at zero.

Head angles in radians, applied to the head frame (y up, the face looks along +z, subject's left at +x):
  yaw   > 0  the face turns to its own left: the nose moves to the right in the picture;
  pitch > 0  the face looks up;
  roll  > 0  the head tilts towards its own right shoulder: anticlockwise in the picture.
R = Ry(yaw) Rx(-pitch) Rz(roll) by the right-hand rule.
"""

from __future__ import annotations

from facekit.geometry.arrays import Array, namespace


def skew(v: Array) -> Array:
    """(..., 3) to the (..., 3, 3) matrix with skew(v) u = v x u."""
    xp = namespace(v)
    x, y, z = v[..., 0], v[..., 1], v[..., 2]
    o = xp.zeros_like(x)
    return xp.stack([xp.stack([o, -z, y], -1), xp.stack([z, o, -x], -1), xp.stack([-y, x, o], -1)], -2)


def axis_angle_to_matrix(v: Array) -> Array:
    """Rodrigues' formula: (..., 3) radians to (..., 3, 3)."""
    xp = namespace(v)
    square = (v * v).sum(-1)
    small = square < 1e-8
    angle = xp.sqrt(
        xp.where(small, xp.ones_like(square), square)
    )  # no square root of zero: its gradient is infinite
    sinc = xp.where(small, 1 - square / 6, xp.sin(angle) / angle)[..., None, None]
    cosc = xp.where(small, 0.5 - square / 24, (1 - xp.cos(angle)) / (angle * angle))[..., None, None]
    S = skew(v)
    return _identity(v) + sinc * S + cosc * (S @ S)


def matrix_to_axis_angle(R: Array) -> Array:
    """(..., 3, 3) to (..., 3) radians, |v| <= pi, through the quaternion (sound up to half a turn)."""
    xp = namespace(R)
    q = matrix_to_quaternion(R)
    w, v = q[..., :1], q[..., 1:]
    square = (v * v).sum(-1)[..., None]
    small = square < 1e-12
    sine = xp.sqrt(xp.where(small, xp.ones_like(square), square))
    turned = 2 * xp.arctan2(sine, w) / sine
    return v * xp.where(small, 2 / w.clip(0.5, None), turned)


def matrix_to_quaternion(R: Array) -> Array:
    """(..., 3, 3) to unit (..., 4) w x y z with w >= 0; of four formulas the best conditioned is taken."""
    xp = namespace(R)
    m = [[R[..., i, j] for j in range(3)] for i in range(3)]
    xx, yy, zz = m[0][0], m[1][1], m[2][2]
    a, b, c = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]
    d, e, f = m[1][0] + m[0][1], m[0][2] + m[2][0], m[2][1] + m[1][2]
    rows = xp.stack(
        [
            xp.stack([1 + xx + yy + zz, a, b, c], -1),  # each row is 4 q_k q
            xp.stack([a, 1 + xx - yy - zz, d, e], -1),
            xp.stack([b, d, 1 - xx + yy - zz, f], -1),
            xp.stack([c, e, f, 1 - xx - yy + zz], -1),
        ],
        -2,
    )
    scores = xp.stack([rows[..., k, k] for k in range(4)], -1)
    best = scores.argmax(-1)
    chosen = sum(
        xp.where((best == k)[..., None], rows[..., k, :], xp.zeros_like(rows[..., k, :])) for k in range(4)
    )
    chosen = chosen / xp.sqrt((chosen * chosen).sum(-1))[..., None]
    return xp.where(chosen[..., :1] < 0, -chosen, chosen)


def sixd_to_matrix(v: Array) -> Array:
    """First two columns (..., 6), orthonormal or not, to (..., 3, 3) by Gram-Schmidt (Zhou et al., 2019)."""
    xp = namespace(v)
    x = _unit(v[..., :3])
    y = v[..., 3:]
    y = _unit(y - (x * y).sum(-1)[..., None] * x)
    return xp.stack([x, y, _cross(x, y)], -1)


def matrix_to_sixd(R: Array) -> Array:
    """(..., 3, 3) to its first two columns, (..., 6)."""
    return namespace(R).concatenate([R[..., :, 0], R[..., :, 1]], -1)


def euler_to_matrix(angles: Array) -> Array:
    """(..., 3) yaw, pitch, roll in radians to (..., 3, 3)."""
    xp = namespace(angles)
    zero = xp.zeros_like(angles[..., 0])
    yaw = axis_angle_to_matrix(xp.stack([zero, angles[..., 0], zero], -1))
    pitch = axis_angle_to_matrix(xp.stack([-angles[..., 1], zero, zero], -1))
    roll = axis_angle_to_matrix(xp.stack([zero, zero, angles[..., 2]], -1))
    return yaw @ pitch @ roll


def matrix_to_euler(R: Array) -> Array:
    """(..., 3, 3) to (..., 3) yaw, pitch, roll in radians; at |pitch| = pi/2 yaw and roll are one angle."""
    xp = namespace(R)
    pitch = xp.arcsin(R[..., 1, 2].clip(-1, 1))
    yaw = xp.arctan2(R[..., 0, 2], R[..., 2, 2])
    roll = xp.arctan2(R[..., 1, 0], R[..., 1, 1])
    return xp.stack([yaw, pitch, roll], -1)


def _identity(v: Array) -> Array:
    xp = namespace(v)
    one, o = xp.ones_like(v[..., 0]), xp.zeros_like(v[..., 0])
    return xp.stack([xp.stack([one, o, o], -1), xp.stack([o, one, o], -1), xp.stack([o, o, one], -1)], -2)


def _unit(v: Array) -> Array:
    xp = namespace(v)
    return v / xp.sqrt((v * v).sum(-1).clip(1e-24, None))[..., None]


def _cross(a: Array, b: Array) -> Array:
    return (skew(a) @ b[..., None])[..., 0]
