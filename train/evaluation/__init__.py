"""A model judged on clips of actors that it never heard, in full and for people to read.

Clips are chosen (``selection``), heard and decided on (``predictions``), under other classes if asked
(``schemes``) and in noise (``noise``); what comes of it is counted (``figures``, ``bootstrap``,
``calibration``) and told: on the terminal, as files, and as one page.
"""
