"""Jinja templates for Airflow's notifiers that summarize a sample or a batch.

Give them to the templated arguments of a notifier on SampleBatchOperator, FullBatchOperator or LoadResultsOperator. The
notifier renders them::

    FullBatchOperator(
        …,
        on_success_callback=SmtpNotifier(to="me@example.com", subject=SUBJECT, html_content=HTML),
        on_failure_callback=SlackNotifier(text=TEXT),
    )

They read the task's own XCom and nothing else. The text of a model's output or of a file name is never rendered a
second time. It is escaped in the HTML. In the plain text another character stands for its ``<``, because Slack
takes ``<!channel>`` for a mention and ``<https://…|here>`` for a link.
"""

from __future__ import annotations

_PLAIN = "| string | replace('<', '\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}')"
_VALUE = "{%- set v = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index) or {} -%}"
_WHAT = (
    "{% if 'files' in v %}Batch of {{ v.files }} files{% elif 'checks' in v %}Sample of {{ v.rows }} rows"
    "{% else %}Batch{% endif %}"
)
_MONEY = (
    "{{ '%.2f' | format(v.cost) if v.cost is not none else 'not known' }}"
    "{% if v.get('projected_cost') is not none %} (expected {{ '%.2f' | format(v.projected_cost) }}){% endif %} "
)
_HAS_COST = "v.get('cost') is not none or v.get('projected_cost') is not none"
_RUNNING_TIME = (
    "{{ '%.0f' | format(v.job_seconds) }} s{% if v.get('projected_seconds') is not none %} "
    "(expected {{ '%.0f' | format(v.projected_seconds) }} s){% endif %}"
)
_HAS_TIME = "v.get('job_seconds') is not none"
_DRIFT = (
    "{% for c in v.drift.columns %}{{ c.column }} "
    "{{ 'no baseline yet' if c.index is none else '%.2f' | format(c.index) }}"
    "{% if c.index is not none and c.index > v.drift.max_drift and c.index > c.chance %} (drifted){% endif %}"
    "{% if not loop.last %}, {% endif %}{% endfor %} (limit {{ v.drift.max_drift }})"
)
_QUARANTINED = (
    "{{ v.quarantined if v.quarantined is number else (v.quarantined | length) + v.get('more_quarantined', 0) }}"
)
_OUTCOME = (
    "{% if v.get('passed') is false %}failed its checks{% elif v %}{{ 'passed' if 'passed' in v else 'is complete' }}"
    "{% else %}has not finished{% endif %}"
)

SUBJECT = f"{_VALUE}{_WHAT} {_OUTCOME}: {{{{ ti.dag_id }}}}.{{{{ ti.task_id }}}}"
"""One line."""

TEXT = (
    f"{_VALUE}{_WHAT} {_OUTCOME}.\n"
    "DAG {{ ti.dag_id }}, task {{ ti.task_id }}, run {{ ti.run_id }}\n"
    "{% if v.get('job') %}Job {{ v.job }}\n{% endif %}"
    "{% if v %}Results {{ v.get('table') or v.location }} ({{ v.rows }} rows)\n{% endif %}"
    "{% if v.get('model') %}Model {{ v.model }} version {{ v.model_version }}"
    "{% if v.get('function') %}, {{ v.function }}{% endif %}\n{% endif %}"
    "{% if v.get('seconds') %}Duration {{ '%.0f' | format(v.seconds) }} s\n{% endif %}"
    f"{{% if {_HAS_TIME} %}}The job ran {_RUNNING_TIME}\n{{% endif %}}"
    f"{{% if {_HAS_COST} %}}Cost {_MONEY}{{{{ v.currency }}}}\n{{% endif %}}"
    f"{{% if v.get('quarantined') %}}Quarantined files: {_QUARANTINED}\n{{% endif %}}"
    f"{{% if v.get('drift') %}}Drift {_DRIFT.replace('c.column }}', f'c.column {_PLAIN} }}}}')}\n{{% endif %}}"
    "{% for check in v.get('checks', []) if not check.passed %}"
    f"Failed check {{{{ check.name }}}}: {{{{ check.detail {_PLAIN} }}}}\n"
    "{% endfor %}"
    f"{{% if exception is defined and exception %}}{{{{ exception {_PLAIN} }}}}\n{{% endif %}}"
)
"""A few lines of plain text."""

HTML = (
    f"{_VALUE}<p><strong>{_WHAT} {_OUTCOME}.</strong></p><table>"
    "<tr><th align=left>DAG</th><td>{{ ti.dag_id | e }}</td></tr>"
    "<tr><th align=left>Task</th><td>{{ ti.task_id | e }}</td></tr>"
    "<tr><th align=left>Run</th><td>{{ ti.run_id | e }}</td></tr>"
    "{% if v.get('job') %}<tr><th align=left>Job</th><td>{{ v.job | e }}</td></tr>{% endif %}"
    "{% if v %}<tr><th align=left>Results</th>"
    "<td>{{ (v.get('table') or v.location) | e }} ({{ v.rows }} rows)</td></tr>{% endif %}"
    "{% if v.get('model') %}<tr><th align=left>Model</th>"
    "<td>{{ v.model | e }} version {{ v.model_version | e }}"
    "{% if v.get('function') %}, {{ v.function | e }}{% endif %}</td></tr>{% endif %}"
    "{% if v.get('seconds') %}<tr><th align=left>Duration</th>"
    "<td>{{ '%.0f' | format(v.seconds) }} s</td></tr>{% endif %}"
    f"{{% if {_HAS_TIME} %}}<tr><th align=left>The job ran</th><td>{_RUNNING_TIME}</td></tr>{{% endif %}}"
    f"{{% if {_HAS_COST} %}}<tr><th align=left>Cost</th><td>{_MONEY}{{{{ v.currency | e }}}}</td></tr>{{% endif %}}"
    f"{{% if v.get('quarantined') %}}<tr><th align=left>Quarantined files</th><td>{_QUARANTINED}</td></tr>{{% endif %}}"
    f"{{% if v.get('drift') %}}<tr><th align=left>Drift</th><td>{_DRIFT.replace('c.column }}', 'c.column | e }}')}</td>"
    "</tr>{% endif %}"
    "{% for check in v.get('checks', []) if not check.passed %}<tr><th align=left>{{ check.name | e }}</th>"
    "<td>{{ check.detail | e }}</td></tr>{% endfor %}</table>"
    "{% if exception is defined and exception %}<pre>{{ exception | string | e }}</pre>{% endif %}"
)
"""The same as HTML, for mail."""
