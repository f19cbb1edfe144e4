"""Parameters of a URL that tell where a visitor came from, and nothing of which page it is."""

from __future__ import annotations

import re
from typing import Final

TRACKING: Final = frozenset(
    re.findall(
        r"\S+",
        """
    _ga _gl _hsenc _hsmi _openstat dclid epik fb_action_ids fb_action_types fb_comment_id fb_ref
    fb_source fbclid gad_source gbraid gclid gclsrc gdftrk gs_l hmb_campaign hmb_medium hmb_source
    hsa_acc hsa_ad hsa_cam hsa_grp hsa_kw hsa_mt hsa_net hsa_src hsa_tgt hsa_ver hsctatracking
    icid igsh igshid irclickid irgwc li_fat_id mc_cid mc_eid mibextid mkt_tok ml_subscriber
    ml_subscriber_hash msclkid mtm_campaign mtm_cid mtm_content mtm_group mtm_keyword mtm_medium
    mtm_placement mtm_source oly_anon_id oly_enc_id pk_campaign pk_cid pk_content pk_keyword pk_kwd
    pk_medium pk_source rb_clickid s_cid s_kwcid sc_campaign sc_channel sc_content sc_country
    sc_funnel sc_geo sc_medium sc_outcome sccid srsltid ttclid twclid utm_brand utm_campaign
    utm_campaignid utm_cid utm_content utm_creative utm_creative_format utm_id utm_keyword
    utm_marketing_tactic utm_medium utm_name utm_place utm_pubreferrer utm_reader utm_referrer
    utm_social utm_social-type utm_source utm_source_platform utm_swu utm_term utm_userid
    utm_viz_id vero_conv vero_id vgo_ee wbraid wickedid ysclid yclid
    """,
    )
)
"""In lower case. Only names that advertisers and mailers made for themselves: one that some site
might use to name a page, as ``ref`` or ``source``, is not here."""
