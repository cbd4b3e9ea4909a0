"""The site: ``make docs`` builds it with warnings as errors and without a network."""

from importlib import metadata

from pygments.lexers.special import TextLexer

project = "airflow-provider-mediabatch"
author = "The maintainers of airflow-provider-mediabatch"
release = metadata.version(project)
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["package-index.md"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Batch inference on media files with Airflow and Snowflake's Model Registry",
    "fixed_sidebar": True,
    "page_width": "75rem",
}
html_sidebars = {"**": ["about.html", "searchfield.html", "navigation.html"]}
myst_heading_anchors = 4
autodoc_default_options = {"members": True, "show-inheritance": True, "exclude-members": "readers"}
autodoc_typehints = "none"
autodoc_class_signature = "mixed"


def add_template_fields(app, what, name, obj, options, lines):
    """Add the template fields of an operator or a sensor to what its docstring says."""
    fields = getattr(obj, "template_fields", ()) if what == "class" else ()
    if fields:
        lines += ["", f"**Template fields:** {', '.join(f'``{field}``' for field in fields)}.", ""]


def setup(app):
    """Diagrams are shown as their text: drawing them would need a script from elsewhere."""
    app.add_lexer("mermaid", TextLexer)
    app.connect("autodoc-process-docstring", add_template_fields)
