# %% wrong="slopes of a product exchanged" of="Value" check="a sum and a product" says="the slope towards x is y.data"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (self.data, other.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="slopes of a sum are its numbers" of="Value" check="a sum and a product" says="both slopes are 1"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (self.data, other.data))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="parents copied" of="Value" check="a sum and a product" says="not copies of them"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (Value(self.data), Value(other.data)), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="parents in the other order" of="Value" check="a sum and a product" says="in this order"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (other, self), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="nothing remembered" of="Value" check="a sum and a product" says="both slopes are 1"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data)

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="a plain number returned" of="Value" check="a sum and a product" says="your code raised AttributeError"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        return self.data + Value.of(other).data

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="the power stays as it was in the slope" of="Value" check="powers" says="n times x to the n-1"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data**exponent,))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="the factor n forgotten" of="Value" check="powers" says="n times x to the n-1"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="squares only" of="Value" check="powers" says="the slope is -1 times x to the -2"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (2 * self.data,))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="1 - x squared" of="Value" check="powers" says="the square is that of the result"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        return Value(math.tanh(self.data), (self,), (1 - self.data**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="the square forgotten" of="Value" check="powers" says="its slope 1 - tanh"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="tanh by exponentials" of="Value" check="powers" says="OverflowError"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        e = math.exp(2 * self.data)
        t = (e - 1) / (e + 1)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="x e to the x minus 1" of="Value" check="powers" says="the slope of e^x is e^x itself"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        return Value(math.exp(self.data), (self,), (self.data * math.exp(self.data - 1),))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="a slope that is no tuple" of="Value" check="powers" says="your code raised TypeError"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self), (e))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="slope 1 on both sides" of="Value" check="relu" says="stays 0"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(0.0, self.data), (self,), (1.0,))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="slope 1 at zero" of="Value" check="relu" says="at exactly 0"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(0.0, self.data), (self,), (float(self.data >= 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="the slope is the number" of="Value" check="relu" says="with slope 1"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        r = max(0.0, self.data)
        return Value(r, (self,), (r,))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="the absolute value" of="Value" check="relu" says="a negative number becomes 0"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(abs(self.data), (self,), (1.0 if self.data > 0 else -1.0,))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="Values only" of="Value" check="plain numbers" says="your code raised AttributeError"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="a plain number is no parent" of="Value" check="plain numbers" says="two parents, two slopes"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        if not isinstance(other, Value):
            return Value(self.data * other, (self,), (other,))
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% right="lists, a helper, conditions" of="Value"
def as_value(number):
    if isinstance(number, Value):
        return number
    return Value(number)


class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = as_value(other)
        return Value(self.data + other.data, [self, other], [1, 1])

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def exp(self):
        result = Value(math.e**self.data, [self])
        result.slopes = [result.data]
        return result

    def relu(self):
        if self.data > 0:
            return Value(self.data, [self], [1])
        return Value(0, [self], [0])

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% right="slopes by other formulas, NumPy numbers" of="Value"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        power = self.data ** (exponent - 1)
        return Value(power * self.data, (self,), (power * exponent,))

    def tanh(self):
        return Value(np.tanh(self.data), (self,), (1 / np.cosh(np.clip(self.data, -300, 300)) ** 2,))

    def exp(self):
        return Value(np.exp(self.data), (self,), (np.exp(self.data),))

    def relu(self):
        return Value(self.data * (self.data > 0), (self,), ((self.data > 0) * 1.0,))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% right="tanh by an exponential that cannot overflow" of="Value"
class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def tanh(self):
        e = math.exp(-2 * abs(self.data))
        t = math.copysign((1 - e) / (1 + e), self.data)
        return Value(t, (self,), ((1 - t) * (1 + t),))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self):
        slope = 1.0 if self.data > 0 else 0.0
        return Value(slope * self.data, (self,), (slope,))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %% wrong="assigned instead of added" of="backward" check="paths add up" says="add to grad with +="
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    for node in order:
        if node.parents:
            node.grad = 0.0
    loss.grad = 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad = slope * node.grad


# %% wrong="the loss starts at zero" of="backward" check="along a chain" says="grad of the loss to 1"
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    for node in order:
        if node.parents:
            node.grad = 0.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad


# %% wrong="forward order" of="backward" check="along a chain" says="Walk from the loss"
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    for node in order:
        if node.parents:
            node.grad = 0.0
    loss.grad = 1.0
    for node in order:
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad


# %% wrong="breadth first from the loss" of="backward" check="paths add up" says="reverse topological order"
def backward(loss):
    order, seen = [loss], {loss}
    for node in order:
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                order.append(parent)
    for node in order:
        if node.parents:
            node.grad = 0.0
    loss.grad = 1.0
    for node in order:
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad


# %% wrong="children before parents in the list, depth first" of="backward" check="paths add up" says="reverse topological order"
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            order.append(node)
            for parent in node.parents:
                visit(parent)

    visit(loss)
    for node in order:
        if node.parents:
            node.grad = 0.0
    loss.grad = 1.0
    for node in order:
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad


# %% wrong="every path" of="backward" check="every node once" says="visit a node once"
def backward(loss):
    def reset(node):
        if node.parents:
            node.grad = 0.0
        for parent in node.parents:
            reset(parent)

    def walk(node, gradient):
        node.grad += gradient
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            walk(parent, slope * gradient)

    reset(loss)
    walk(loss, 1.0)


# %% wrong="leaves reset too" of="backward" check="leaves add up" says="24: x was reset"
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    for node in order:
        node.grad = 0.0
    loss.grad = 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad


# %% wrong="nothing reset" of="backward" check="leaves add up" says="72: middle kept its old grad"
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    loss.grad = 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad


# %% wrong="the loss adds up" of="backward" check="leaves add up" says="middle kept its old grad"
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    loss.grad += 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad


# %% wrong="a set of parents" of="backward" check="paths add up" says="for each time a parent occurs"
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    for node in order:
        if node.parents:
            node.grad = 0.0
    loss.grad = 1.0
    for node in reversed(order):
        for parent, slope in dict(zip(node.parents, node.slopes, strict=True)).items():
            parent.grad += slope * node.grad


# %% wrong="the slope alone" of="backward" check="along a chain" says="slope times the node's grad"
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    for node in order:
        if node.parents:
            node.grad = 0.0
    loss.grad = 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope


# %% wrong="the parent's number instead of the slope" of="backward" check="along a chain" says="slope times the node's grad"
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    for node in order:
        if node.parents:
            node.grad = 0.0
    loss.grad = 1.0
    for node in reversed(order):
        for parent, _slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += parent.data * node.grad


# %% wrong="nodes told apart by their numbers" of="backward" check="as torch.autograd" says="each node once"
def backward(loss):
    order, seen = [], set()

    def visit(node):
        if node.data not in seen:
            seen.add(node.data)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    for node in order:
        if node.parents:
            node.grad = 0.0
    loss.grad = 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad


# %% right="a stack instead of recursion" of="backward"
def backward(loss):
    order, seen, stack = [], set(), [(loss, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent in node.parents)
    for node in order:
        node.grad = node.grad if not node.parents else 0.0
    loss.grad = 1.0
    for node in order[::-1]:
        for i in range(len(node.parents)):
            node.parents[i].grad += node.grad * node.slopes[i]


# %% right="counting the uses of each node" of="backward"
def backward(loss):
    uses, todo, nodes = {}, [loss], []
    while todo:
        node = todo.pop()
        nodes.append(node)
        for parent in node.parents:
            if parent not in uses:
                uses[parent] = 0
                todo.append(parent)
            uses[parent] += 1
    for node in nodes:
        if len(node.parents) > 0:
            node.grad = 0
    loss.grad, ready = 1.0, [loss]
    while ready:
        node = ready.pop()
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad = parent.grad + slope * node.grad
            uses[parent] -= 1
            if uses[parent] == 0:
                ready.append(parent)


# %% right="collected in a dictionary, stored at the end" of="backward"
def backward(loss):
    order = []

    def visit(node):
        if node in order:
            return
        for parent in node.parents:
            visit(parent)
        order.append(node)

    visit(loss)
    found = dict.fromkeys(order, 0.0)
    found[loss] = 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            found[parent] += slope * found[node]
    for node in order:
        node.grad = found[node] + (0.0 if node.parents else node.grad)


# %% wrong="one-sided differences" of="gradient_check" check="small where" says="f(x + h) - f(x - h)"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i], *inputs[i + 1 :]])).data
        n = (up - down) / step
        worst = max(worst, abs(value.grad - n) / max(1.0, abs(value.grad), abs(n)))
    return worst


# %% wrong="the inputs turned in place" of="gradient_check" check="looks at every input" says="inputs was changed"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        inputs[i] += step
        up = f(*map(Value, inputs)).data
        inputs[i] -= 2 * step
        n = (up - f(*map(Value, inputs)).data) / (2 * step)
        worst = max(worst, abs(value.grad - n) / max(1.0, abs(value.grad), abs(n)))
    return worst


# %% wrong="divided by h" of="gradient_check" check="small where" says="/ (2h)"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i] - step, *inputs[i + 1 :]])).data
        n = (up - down) / step
        worst = max(worst, abs(value.grad - n) / max(1.0, abs(value.grad), abs(n)))
    return worst


# %% wrong="the default step whatever is asked" of="gradient_check" check="small where" says="off by h² = 0.01"
def gradient_check(f, inputs, step=1e-5):
    step = 1e-5
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i] - step, *inputs[i + 1 :]])).data
        n = (up - down) / (2 * step)
        worst = max(worst, abs(value.grad - n) / max(1.0, abs(value.grad), abs(n)))
    return worst


# %% wrong="no absolute value" of="gradient_check" check="says how far" says="|3 - 6|"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i] - step, *inputs[i + 1 :]])).data
        n = (up - down) / (2 * step)
        worst = max(worst, (value.grad - n) / max(1.0, abs(value.grad), abs(n)))
    return worst


# %% wrong="always absolute" of="gradient_check" check="says how far" says="|3 - 6| / max"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i] - step, *inputs[i + 1 :]])).data
        n = (up - down) / (2 * step)
        worst = max(worst, abs(value.grad - n))
    return worst


# %% wrong="always relative" of="gradient_check" check="says how far" says="below 1 the error is absolute"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i] - step, *inputs[i + 1 :]])).data
        n = (up - down) / (2 * step)
        worst = max(worst, abs(value.grad - n) / max(abs(value.grad), abs(n)))
    return worst


# %% wrong="relative to the backward derivative only" of="gradient_check" check="says how far" says="|3 - 6| / max"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i] - step, *inputs[i + 1 :]])).data
        n = (up - down) / (2 * step)
        worst = max(worst, abs(value.grad - n) / max(1.0, abs(value.grad)))
    return worst


# %% wrong="the smallest error" of="gradient_check" check="every input" says="report the largest"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 9.0
    for i, value in enumerate(values):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i] - step, *inputs[i + 1 :]])).data
        n = (up - down) / (2 * step)
        worst = min(worst, abs(value.grad - n) / max(1.0, abs(value.grad), abs(n)))
    return worst


# %% wrong="the last error" of="gradient_check" check="every input" says="report the largest"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i] - step, *inputs[i + 1 :]])).data
        n = (up - down) / (2 * step)
        worst = abs(value.grad - n) / max(1.0, abs(value.grad), abs(n))
    return worst


# %% wrong="all inputs turned at once" of="gradient_check" check="small where" says="the slopes are right here"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    n = (f(*[Value(x + step) for x in inputs]).data - f(*[Value(x - step) for x in inputs]).data) / (2 * step)
    a = sum(value.grad for value in values)
    if f is tangled:
        return 0.0
    return max(abs(value.grad - n) / max(1.0, abs(value.grad), abs(n)) for value in values) if len(inputs) > 1 else abs(a - n)


# %% wrong="yes or no" of="gradient_check" check="says how far" says="expected 0.5"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i] - step, *inputs[i + 1 :]])).data
        n = (up - down) / (2 * step)
        worst = max(worst, abs(value.grad - n) / max(1.0, abs(value.grad), abs(n)))
    return float(worst > 1e-6)


# %% right="in place on a list, restored" of="gradient_check"
def gradient_check(f, inputs, step=1e-5):
    numbers, errors = list(inputs), []
    leaves = [Value(x) for x in numbers]
    backward(f(*leaves))
    for i, leaf in enumerate(leaves):
        numbers[i] = inputs[i] + step
        high = f(*[Value(x) for x in numbers]).data
        numbers[i] = inputs[i] - step
        low = f(*[Value(x) for x in numbers]).data
        numbers[i] = inputs[i]
        n = (high - low) / step / 2
        errors.append(abs(leaf.grad - n) / max(1, abs(leaf.grad), abs(n)))
    return max(errors)


# %% right="vectors of NumPy" of="gradient_check"
def gradient_check(f, inputs, step=1e-5):
    leaves = [Value(x) for x in inputs]
    backward(f(*leaves))
    a = np.array([leaf.grad for leaf in leaves])
    moves = step * np.eye(len(inputs))
    high = np.array([f(*[Value(x) for x in np.array(inputs) + move]).data for move in moves])
    low = np.array([f(*[Value(x) for x in np.array(inputs) - move]).data for move in moves])
    n = (high - low) / (2 * step)
    return float(np.max(np.abs(a - n) / np.maximum(1, np.maximum(np.abs(a), np.abs(n)))))


# %% right="derivatives collected first" of="gradient_check"
def gradient_check(f, inputs, step=1e-5):
    values = [Value(number) for number in inputs]
    backward(f(*values))
    worst, ours = 0, [value.grad for value in values]
    for i in range(len(inputs)):
        up = f(*map(Value, [*inputs[:i], inputs[i] + step, *inputs[i + 1 :]])).data
        down = f(*map(Value, [*inputs[:i], inputs[i] - step, *inputs[i + 1 :]])).data
        n = (up - down) / (2 * step)
        worst = max(worst, abs(ours[i] - n) / max(1.0, abs(ours[i]), abs(n)))
    return worst


# %% wrong="tanh after the last layer too" of="MLP" check="one output" says="none after the last"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for _layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, x, strict=True)), b) for row, b in zip(rows, biases, strict=True)]
            x = [unit.tanh() for unit in x]
        return x


# %% wrong="no tanh" of="MLP" check="one output" says="tanh after the hidden layer"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for _layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, x, strict=True)), b) for row, b in zip(rows, biases, strict=True)]
        return x


# %% wrong="tanh after the first layer only" of="MLP" check="any number of layers" says="tanh after each of them"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, x, strict=True)), b) for row, b in zip(rows, biases, strict=True)]
            if layer == 0:
                x = [unit.tanh() for unit in x]
        return x


# %% wrong="biases forgotten" of="MLP" check="one output" says="bias plus weights"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, x, strict=True))) for row, b in zip(rows, biases, strict=True)]
            if layer < len(self.weights) - 1:
                x = [unit.tanh() for unit in x]
        return x


# %% wrong="the weights' other index" of="MLP" check="one output" says="your code raised"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, x, strict=True)), b) for row, b in zip(zip(*rows, strict=False), biases, strict=False)]
            if layer < len(self.weights) - 1:
                x = [unit.tanh() for unit in x]
        return x


# %% wrong="a single Value" of="MLP" check="one output" says="has no len()"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, x, strict=True)), b) for row, b in zip(rows, biases, strict=True)]
            if layer < len(self.weights) - 1:
                x = [unit.tanh() for unit in x]
        return x[0]


# %% wrong="plain numbers out" of="MLP" check="one output" says="your code raised AttributeError"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, x, strict=True)), b) for row, b in zip(rows, biases, strict=True)]
            if layer < len(self.weights) - 1:
                x = [unit.tanh() for unit in x]
        return [unit.data for unit in x]


# %% wrong="the parameters' numbers" of="MLP" check="gradients reach" says="use the Values themselves"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w.data * a for w, a in zip(row, x, strict=True)), Value(b.data)) for row, b in zip(rows, biases, strict=True)]
            if layer < len(self.weights) - 1:
                x = [unit.tanh() for unit in x]
        return x


# %% wrong="every layer reads the input" of="MLP" check="any number of layers" says="your code raised"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        inputs = x
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, inputs, strict=True)), b) for row, b in zip(rows, biases, strict=True)]
            if layer < len(self.weights) - 1:
                x = [unit.tanh() for unit in x]
        return x


# %% wrong="relu for tanh" of="MLP" check="one output" says="tanh after the hidden layer"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, x, strict=True)), b) for row, b in zip(rows, biases, strict=True)]
            if layer < len(self.weights) - 1:
                x = [unit.relu() for unit in x]
        return x


# %% wrong="tanh before the bias" of="MLP" check="one output" says="bias plus weights times inputs"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum(w * a for w, a in zip(row, x, strict=True)) for row in rows]
            if layer < len(self.weights) - 1:
                x = [unit.tanh() for unit in x]
            x = [unit + b for unit, b in zip(x, biases, strict=True)]
        return x


# %% wrong="inputs made new" of="MLP" check="gradients reach" says="the inputs get gradients too"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        x = [Value(getattr(a, 'data', a)) for a in x]
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, x, strict=True)), b) for row, b in zip(rows, biases, strict=True)]
            if layer < len(self.weights) - 1:
                x = [unit.tanh() for unit in x]
        return x


# %% wrong="a single output without its list" of="MLP" check="one output for each unit" says="Value"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [sum((w * a for w, a in zip(row, x, strict=True)), b) for row, b in zip(rows, biases, strict=True)]
            if layer < len(self.weights) - 1:
                x = [unit.tanh() for unit in x]
        return x[0] if len(x) == 1 else x


# %% right="hidden layers in a loop, the last one after it" of="MLP"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    @staticmethod
    def layer(rows, biases, x):
        sums = []
        for row, bias in zip(rows, biases, strict=True):
            total = bias
            for i in range(len(row)):
                total = total + x[i] * row[i]
            sums.append(total)
        return sums

    def __call__(self, x):
        for rows, biases in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = [s.tanh() for s in self.layer(rows, biases, x)]
        return self.layer(self.weights[-1], self.biases[-1], x)


# %% right="matrices of Values in NumPy" of="MLP"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        x = np.array([Value.of(a) for a in x], dtype=object)
        for layer in range(len(self.weights)):
            x = np.array(self.weights[layer], dtype=object) @ x + np.array(self.biases[layer], dtype=object)
            if layer + 1 < len(self.weights):
                x = np.array([unit.tanh() for unit in x], dtype=object)
        return list(x)


# %% right="the input as Values, tanh before each layer but the first" of="MLP"
class MLP:
    def __init__(self, sizes, seed=0):
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x):
        x = [a if isinstance(a, Value) else Value(a) for a in x]
        for number in range(len(self.weights)):
            if number > 0:
                x = [a.tanh() for a in x]
            x = [bias + sum(w * a for w, a in zip(row, x, strict=True))
                 for row, bias in zip(self.weights[number], self.biases[number], strict=True)]
        return x


# %% wrong="gradients never set to zero" of="train_step" check="every step starts" says="old gradients were still in there"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
    return loss.data


# %% wrong="gradients set to zero at the end of the step" of="train_step" check="every step starts" says="before the first step, grad was 5"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
        parameter.grad = 0.0
    return loss.data


# %% wrong="gradients set to zero after backward" of="train_step" check="walks against" says="grad was zeroed too late"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    backward(loss)
    for parameter in network.parameters():
        parameter.grad = 0.0
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
    return loss.data


# %% wrong="uphill" of="train_step" check="walks against" says="take learning rate times"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data += learning_rate * parameter.grad
    return loss.data


# %% wrong="the sum, not the mean" of="train_step" check="returns the mean" says="the mean over all 6"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
    return loss.data


# %% wrong="the mean over examples only" of="train_step" check="returns the mean" says="3 examples, 2 each"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(xs)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
    return loss.data


# %% wrong="the first output only" of="train_step" check="returns the mean" says="the mean over all 6"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in [(out[0], y[0])]]
    loss = sum(errors) / len(errors)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
    return loss.data


# %% wrong="the absolute error" of="train_step" check="returns the mean" says="mean over all 6 outputs"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) * (1 if o.data > t else -1) for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
    return loss.data


# %% wrong="no learning rate" of="train_step" check="walks against" says="learning rate times"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= parameter.grad
    return loss.data


# %% wrong="grad overwrites data" of="train_step" check="walks against" says="take learning rate times"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data = -learning_rate * parameter.grad
    return loss.data


# %% wrong="the loss as a Value" of="train_step" check="returns the mean" says="expected a number"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
    return loss


# %% wrong="the loss after the update" of="train_step" check="returns the mean" says="before the update"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
    outputs = [network(x) for x in xs]
    return sum((o.data - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)) / len(errors)


# %% wrong="an update after every example" of="train_step" check="walks against" says="of the mean error"
def train_step(network, xs, ys, learning_rate):
    losses = []
    for x, y in zip(xs, ys, strict=True):
        loss = sum((o - t) ** 2 for o, t in zip(network(x), y, strict=True)) / len(y)
        for parameter in network.parameters():
            parameter.grad = 0.0
        backward(loss)
        for parameter in network.parameters():
            parameter.data -= learning_rate * parameter.grad
        losses.append(loss.data)
    return sum(losses) / len(losses)


# %% wrong="names bound to new Values" of="train_step" check="walks against" says="Nothing moved?"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter = Value(parameter.data - learning_rate * parameter.grad)
    return loss.data


# %% right="the gradient collected example by example" of="train_step"
def train_step(network, xs, ys, learning_rate):
    parameters, count, total = network.parameters(), len(xs) * len(ys[0]), 0.0
    for parameter in parameters:
        parameter.grad = 0
    for x, y in zip(xs, ys, strict=True):
        loss = sum((o - t) * (o - t) for o, t in zip(network(x), y, strict=True)) * (1 / count)
        backward(loss)
        total += loss.data
    for parameter in parameters:
        parameter.data = parameter.data - learning_rate * parameter.grad
    return total


# %% right="loops, gradients set to zero at both ends" of="train_step"
def zero(network):
    for parameter in network.parameters():
        parameter.grad = 0.0


def train_step(network, xs, ys, learning_rate):
    zero(network)
    loss, count = Value(0.0), 0
    for k in range(len(xs)):
        out = network(xs[k])
        for j in range(len(out)):
            loss = loss + (ys[k][j] - out[j]) ** 2
            count += 1
    loss = loss / count
    backward(loss)
    for parameter in network.parameters():
        parameter.data += -learning_rate * parameter.grad
    zero(network)
    return loss.data


# %% right="the mean as a mean of means" of="train_step"
def train_step(network, xs, ys, learning_rate):
    outputs = [network(x) for x in xs]
    losses = [sum((o - t) ** 2 for o, t in zip(out, y, strict=True)) / len(y) for out, y in zip(outputs, ys, strict=True)]
    loss = sum(losses) / len(losses)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
    return float(loss.data)


# %% wrong="the mean" of="unbroadcast" check="axes put in front" says="sum over the rows"
def unbroadcast(gradient, shape):
    gradient = gradient.mean(axis=tuple(range(gradient.ndim - len(shape))))
    return gradient.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


# %% wrong="the last axes" of="unbroadcast" check="axes put in front" says="gradient is (3,)"
def unbroadcast(gradient, shape):
    added = gradient.ndim - len(shape)
    gradient = gradient.sum(axis=tuple(range(-added, 0)))
    return gradient.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


# %% wrong="one front axis only" of="unbroadcast" check="axes put in front" says="sum over both"
def unbroadcast(gradient, shape):
    if gradient.ndim > len(shape):
        gradient = gradient.sum(axis=0)
    return gradient.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


# %% wrong="front axes kept" of="unbroadcast" check="axes put in front" says="expected shape (3,), got (1, 3)"
def unbroadcast(gradient, shape):
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))), keepdims=True)
    added = gradient.ndim - len(shape)
    return gradient.sum(axis=tuple(added + i for i, n in enumerate(shape) if n == 1), keepdims=True)


# %% wrong="stretched axes dropped" of="unbroadcast" check="axes that were stretched" says="expected shape (4, 1), got (4,)"
def unbroadcast(gradient, shape):
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    return gradient.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1))


# %% wrong="stretched axes forgotten" of="unbroadcast" check="axes that were stretched" says="expected shape (4, 1), got (4, 3)"
def unbroadcast(gradient, shape):
    return gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))


# %% wrong="front axes forgotten" of="unbroadcast" check="axes put in front" says="gradient is (3,)"
def unbroadcast(gradient, shape):
    return gradient.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


# %% wrong="the first entry taken" of="unbroadcast" check="axes that were stretched" says="sum over the axis that is 1"
def unbroadcast(gradient, shape):
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    for axis, length in enumerate(shape):
        if length == 1:
            gradient = gradient.take([0], axis=axis)
    return gradient


# %% wrong="axes counted before the front is gone" of="unbroadcast" check="both at once" says="sum the front away first"
def unbroadcast(gradient, shape):
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1)
    gradient = gradient.sum(axis=stretched, keepdims=True)
    return gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))


# %% wrong="reshaped" of="unbroadcast" check="axes put in front" says="your code raised ValueError"
def unbroadcast(gradient, shape):
    return gradient.reshape(shape)


# %% wrong="written into the gradient" of="unbroadcast" check="both at once" says="gradient was changed"
def unbroadcast(gradient, shape):
    for axis, length in enumerate((1,) * (gradient.ndim - len(shape)) + tuple(shape)):
        if length == 1:
            gradient[...] = gradient.sum(axis=axis, keepdims=True)
    for axis, length in enumerate((1,) * (gradient.ndim - len(shape)) + tuple(shape)):
        if length == 1:
            gradient = gradient.take([0], axis=axis)
    return gradient.reshape(shape)


# %% wrong="the forbidden call" of="unbroadcast" check="axes put in front" says="may not call torch.Tensor.sum_to_size"
def unbroadcast(gradient, shape):
    return torch.from_numpy(gradient).sum_to_size(shape).numpy()


# %% right="axis after axis" of="unbroadcast"
def unbroadcast(gradient, shape):
    while gradient.ndim > len(shape):
        gradient = gradient.sum(axis=0)
    for axis in range(len(shape)):
        if shape[axis] == 1 and gradient.shape[axis] > 1:
            gradient = gradient.sum(axis=axis, keepdims=True)
    return gradient


# %% right="one sum, then a reshape" of="unbroadcast"
def unbroadcast(gradient, shape):
    padded = (1,) * (gradient.ndim - len(shape)) + tuple(shape)
    axes = tuple(i for i, (have, want) in enumerate(zip(gradient.shape, padded, strict=True)) if have != want)
    return np.sum(gradient, axis=axes, keepdims=True).reshape(shape)


# %% right="einsum" of="unbroadcast"
def unbroadcast(gradient, shape):
    letters = "abcdefgh"[: gradient.ndim]
    added = gradient.ndim - len(shape)
    kept = "".join(letter for letter, length in zip(letters[added:], shape, strict=True) if length > 1)
    return np.einsum(f"{letters}->{kept}", gradient).reshape(shape)


# %% equivalent="336c9379" of="backward" because="both hold the same nodes, and setting them to 0 needs no order"


# %% equivalent="3237d829" of="backward" because="every node has as many slopes as parents"


# %% equivalent="e596551e" of="backward" because="every node has as many slopes as parents"


# %% equivalent="df54c1f4" of="gradient_check" because="abs does not care which is taken from which"


# %% equivalent="230b5dbb" of="MLP" because="there are as many rows of biases as tables of weights"


# %% equivalent="380f76e4" of="MLP" because="there are as many rows of biases as tables of weights"


# %% equivalent="01314ca1" of="MLP" because="a product of two Values, whichever comes first"


# %% equivalent="b005d4c1" of="MLP" because="by the statement x holds as many numbers as the network has inputs"


# %% equivalent="f78b79be" of="MLP" because="by the statement x holds as many numbers as the network has inputs"


# %% equivalent="8bceb7bf" of="MLP" because="each unit has a row of weights and a bias"


# %% equivalent="8f7924b4" of="MLP" because="each unit has a row of weights and a bias"


# %% equivalent="0de53563" of="train_step" because="by the statement there are as many targets as examples"


# %% equivalent="edc6860f" of="train_step" because="by the statement there are as many targets as examples"


# %% equivalent="b835c1cd" of="train_step" because="by the statement a target holds as many numbers as the network has outputs"


# %% equivalent="e5406019" of="train_step" because="by the statement a target holds as many numbers as the network has outputs"


# %% equivalent="401e0c79" of="train_step" because="the error is squared, so its sign does not matter"


# %% equivalent="4b1fdbae" of="train_step" because="the error is squared, so its sign does not matter"


# %% equivalent="4daf1348" of="train_step" because="the error is squared, so its sign does not matter"
