"""A program that imports a door, its argument, in each way that a user writes it."""

# Each form starts with no module of varscale loaded.
FORMS = """
import sys
door = sys.argv[1]
for form in (
    f"import varscale.{door}; varscale.{door}.variance_scaling",
    f"from varscale.{door} import variance_scaling",
    f"import varscale; varscale.{door}.variance_scaling(1.0, 'fan_in', 'normal')",
):
    for name in [name for name in sys.modules if name.partition(".")[0] == "varscale"]:
        del sys.modules[name]
    exec(form, {})
import varscale
print(varscale.__file__)
"""
